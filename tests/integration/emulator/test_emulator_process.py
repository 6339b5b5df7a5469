"""`python -m offline.emulator`: the control interface, and nothing left behind however it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.emulator.workbench import HANDLERS_FOLDER, Journal, TestQueue, eventually, exists

Json = Any


@contextmanager
def run_emulator(config: Json, folder: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """The emulator as a process, with a client of its control interface."""
    path = folder / "emulator.json"
    path.write_text(json.dumps(config))
    with subprocess.Popen(
        [sys.executable, "-m", "offline.emulator", "--config", str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        with httpx.Client(base_url=address, trust_env=False) as control:
            try:
                yield process, control
            finally:
                process.kill()


@pytest.fixture
def config(journal: Journal, source: TestQueue) -> Json:
    return {
        "functions": {
            "worker": {"handler": "handlers.obey", "timeout_s": 30, "environment": journal.environ},
            "echo": {"handler": "handlers.echo", "environment": {"PYTHONPATH": str(HANDLERS_FOLDER)}},
            "raises": {"handler": "handlers.raises", "environment": {"PYTHONPATH": str(HANDLERS_FOLDER)}},
        },
        "mappings": [
            {
                "name": "mapping",
                "function": "worker",
                "queue": source.name,
                "broker_url": source.url,
                "virtual_host": source.virtual_host,
                "window_ms": 50,
            }
        ],
    }


def test_the_control_interface_shows_and_switches_a_mapping(
    config: Json, journal: Journal, source: TestQueue, tmp_path: Path
) -> None:
    with run_emulator(config, tmp_path) as (_, control):
        assert control.get("/health").json() == {"status": "ok"}
        source.publish("a")
        visit = journal.next()
        (mapping,) = control.get("/mappings").json()
        assert (mapping["name"], mapping["state"], mapping["in_flight"]) == ("mapping", "Enabled", 1)
        assert mapping["StateTransitionReason"] == "USER_INITIATED"
        running = control.get("/functions").json()[0]["environments"]
        assert running == [{"pid": visit.pid, "state": "running", "invocations": 1}]
        visit.succeed()
        assert eventually(lambda: control.get("/functions").json()[0]["environments"][0]["state"] == "frozen")
        assert control.put("/mappings/mapping", json={"enabled": False}).status_code == 202
        assert eventually(lambda: control.get("/mappings").json()[0]["state"] == "Disabled")
        assert control.get("/mappings").json()[0]["batches_ok"] == 1


def test_an_acknowledgement_can_be_lost_by_request(
    config: Json, journal: Journal, source: TestQueue, tmp_path: Path
) -> None:
    with run_emulator(config, tmp_path) as (_, control):
        assert control.post("/mappings/mapping/lose-next-acknowledgement").status_code == 200
        source.publish("a")
        journal.next().succeed()
        again = journal.next()
        assert again.redelivered == {True}
        again.succeed()


def test_a_function_can_be_invoked_and_its_failure_is_told_as_lambda_does(config: Json, tmp_path: Path) -> None:
    with run_emulator(config, tmp_path) as (_, control):
        good = control.post("/functions/echo/invocations", json={"a": 1})
        assert good.json()["event"] == {"a": 1}
        bad = control.post("/functions/raises/invocations", json=None)
        assert (bad.status_code, bad.headers["X-Amz-Function-Error"]) == (200, "Unhandled")
        assert bad.json()["errorType"] == "ValueError"


def test_unknown_names_and_bodies_that_are_not_understood_are_refused(config: Json, tmp_path: Path) -> None:
    with run_emulator(config, tmp_path) as (_, control):
        assert control.get("/nowhere").status_code == 404
        assert control.put("/mappings/nobody", json={"enabled": True}).status_code == 404
        assert control.put("/mappings/mapping", json={"enabled": "yes"}).status_code == 400
        assert control.post("/functions/echo/invocations", content=b"{").status_code == 400


def test_sigterm_ends_everything_quickly_and_messages_go_back(
    config: Json, journal: Journal, source: TestQueue, tmp_path: Path
) -> None:
    source.publish("a", "b")
    with run_emulator(config, tmp_path) as (process, _):
        visit = journal.next()
        began_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert time.monotonic() - began_s < 3
    assert not exists(visit.pid)
    assert eventually(lambda: source.ready() == 2)


def test_a_killed_emulator_leaves_no_process_and_no_message_behind(
    config: Json, journal: Journal, source: TestQueue, tmp_path: Path
) -> None:
    source.publish("a")
    with run_emulator(config, tmp_path) as (process, control):
        running = journal.next()
        control.post("/functions/echo/invocations", json=None)
        (frozen,) = control.get("/functions").json()[1]["environments"]
        assert frozen["state"] == "frozen"
        process.kill()
        process.wait()
    assert eventually(lambda: not exists(running.pid))
    assert eventually(lambda: not exists(frozen["pid"]))
    assert eventually(lambda: source.ready() == 1)


def test_an_unusable_configuration_is_explained_without_its_secrets(config: Json, tmp_path: Path) -> None:
    config["mappings"][0] |= {"batch_size": 20_000, "broker_url": "http://user:secret@host"}
    config["functions"]["worker"]["colour"] = "red"
    path = tmp_path / "emulator.json"
    path.write_text(json.dumps(config))
    ended = subprocess.run(
        [sys.executable, "-m", "offline.emulator", "--config", str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert ended.returncode == 2
    assert "mappings.0.batch_size" in ended.stderr
    assert "functions.worker.colour" in ended.stderr
    assert "secret" not in ended.stderr
    assert "Traceback" not in ended.stderr
