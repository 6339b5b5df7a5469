"""What would fail after the servers were made fails before."""

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

import infra.__main__ as commands
from infra import rollout
from infra.build import vendoring
from infra.build.lambda_runtime import LambdaRuntime
from infra.build.vendoring import vendor
from infra.errors import BuildFailed, StepFailed
from infra.release.state import Deployed

ENVIRONMENT = {"AWS_DEFAULT_REGION": "eu-central-1", "EMAIL_FROM": "a@b.c", "FCM_PROJECT_ID": "p"}


def refuse(*_: object, **__: object) -> Any:
    raise BuildFailed("psycopg-binary==3 has no wheel", remedy="Take a later version of Python.")


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """One that has room. Holds what servers were asked for; `main` deploys to `dev`, and every signal is as it was."""
    made: list[object] = []
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["infra", "deploy", "--stage", "dev"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(rollout, "confirm_caller", lambda **_: "account 1")
    monkeypatch.setattr(rollout, "confirm_room", lambda *_, **__: None)
    monkeypatch.setattr(rollout.Rollout, "_deployed", lambda _rollout: Deployed([]))
    monkeypatch.setattr(commands, "ensure_platform", lambda *given, **_: made.append(given))
    return made


def test_a_python_whose_packages_do_not_exist_is_told_before_servers_are_made(
    account: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rollout, "vendor", refuse)

    assert commands.main() == 1

    told = capsys.readouterr().err
    assert "no wheel\nTake a later version of Python.\nDone:     nothing\nFailed:   preflight\n" in told
    assert account == []


def test_whoever_interrupts_is_told_how_to_go_on(
    account: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rollout, "vendor", interrupt)

    assert commands.main() != 0

    told = capsys.readouterr().err
    assert told.startswith("Interrupted.\nDone:     nothing\nFailed:   preflight\n")
    assert "make deploy STAGE=dev" in told
    assert account == []


def test_an_index_that_cannot_be_reached_is_not_taken_for_a_missing_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("psycopg==3.3.0\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    with pytest.raises(BuildFailed, match="cannot reach its package index"):
        vendor(lock, LambdaRuntime((3, 13), "arm64"), cache=tmp_path)


def test_a_pip_that_does_not_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text("psycopg==3.3.0\n")
    monkeypatch.setattr(vendoring, "_DEADLINE_S", 0.01)

    with pytest.raises(StepFailed, match=r"pip was not done within 0\.01 s"):
        vendor(lock, LambdaRuntime((3, 13), "arm64"), cache=tmp_path)
