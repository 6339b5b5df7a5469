"""What the environment and the account say before anything is changed."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from infra.caller import founders_of, profile_of, target_of
from infra.errors import StepFailed
from infra.release.gateway import api_url
from infra.release.preflight import confirm_caller, confirm_room
from infra.release.source import check_out
from infra.stage import Stage, read_stage
from infra.target import Target
from tests.rehearsed_aws import ENVIRONMENT, rehearsed_client

ROOT = Path(__file__).resolve().parents[2]
STAGE = Stage("dev", "arm64", "api", 14, {"api_handler": 30, "relay": 2})


@dataclass
class Account:
    """Lambda's limits in an account. Of what is `reserved`, each function that is asked for has two."""

    limit: int
    reserved: int

    def get_account_settings(self) -> Any:
        unreserved = self.limit - self.reserved
        return {"AccountLimit": {"ConcurrentExecutions": self.limit, "UnreservedConcurrentExecutions": unreserved}}

    def get_function_concurrency(self, **_call: str) -> Any:
        return {"ReservedConcurrentExecutions": 2}


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


def test_a_target_takes_what_aws_tools_take_and_nothing_else() -> None:
    target = target_of({"AWS_REGION": "eu-central-1", "AWS_PROFILE": "me", "HOME": "/root"}, stage="dev")

    assert target.environment == {
        "AWS_REGION": "eu-central-1",
        "AWS_PROFILE": "me",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }


@pytest.mark.parametrize(
    ("environment", "stage", "told"),
    [
        ({"AWS_REGION": "eu-central-1"}, "", "No stage is given"),
        ({}, "dev", "No region is given"),
        ({"AWS_REGION": "eu-central-1"}, "local", "make localstack"),
        ({"AWS_REGION": "eu-central-1"}, "dev-relay", "not the name of a stage"),
    ],
)
def test_what_is_missing_is_told(environment: dict[str, str], stage: str, told: str) -> None:
    with pytest.raises(StepFailed, match=told):
        target_of(environment, stage=stage)


def test_production_is_large_unless_somebody_chooses() -> None:
    assert [profile_of("prod", chosen=""), profile_of("dev", chosen=""), profile_of("prod", chosen="small")] == [
        "production",
        "small",
        "small",
    ]


def test_an_administrator_needs_a_password() -> None:
    assert founders_of({}) == {}
    assert founders_of({"ADMIN_EMAIL": "a@b.c", "ADMIN_PASSWORD": "p" * 8}) == {
        "first_admin": {"email": "a@b.c", "password": "p" * 8}
    }
    with pytest.raises(StepFailed, match="no password"):
        founders_of({"ADMIN_EMAIL": "a@b.c"})


@pytest.mark.parametrize("password", ["secret7", "é" * 37])
def test_a_password_that_migrate_would_refuse_is_refused_before_anything_is_made(password: str) -> None:
    with pytest.raises(StepFailed, match="ADMIN_PASSWORD") as refused:
        founders_of({"ADMIN_EMAIL": "a@b.c", "ADMIN_PASSWORD": password})
    assert password not in str(refused.value)


def test_an_unknown_stage_is_told_with_those_there_are() -> None:
    with pytest.raises(StepFailed, match="knows dev, local, prod"):
        read_stage(ROOT, "staging")


def test_an_api_is_found_at_amazons_address_or_at_localstacks() -> None:
    def url(region: str, **more: str) -> str:
        return api_url(Target("dev", {"AWS_DEFAULT_REGION": region, **more}), "abc", "api")

    assert url("eu-central-1") == "https://abc.execute-api.eu-central-1.amazonaws.com/api"
    assert url("cn-north-1") == "https://abc.execute-api.cn-north-1.amazonaws.com.cn/api"
    assert url("eu-central-1", AWS_ENDPOINT_URL="http://127.0.0.1:4566").endswith(":4566/_aws/execute-api/abc/api")


@pytest.mark.usefixtures("aws")
def test_who_deploys_is_told() -> None:
    assert confirm_caller(sts=rehearsed_client("sts")).startswith("account 123456789012, as arn:aws:")


def test_an_account_with_too_little_room_is_told_before_chalice_stops_half_way() -> None:
    with pytest.raises(StepFailed, match="reserves 32 concurrent executions; of the account's 131, 31 can be reserved"):
        confirm_room(STAGE, client=Account(limit=131, reserved=0), functions=())


def test_what_the_stage_reserves_already_is_not_counted_twice() -> None:
    confirm_room(STAGE, client=Account(limit=132, reserved=4), functions=("api_handler", "relay"))


def test_a_release_is_taken_from_git_whole(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)  # noqa: S607  wherever it is

    git("init", "--initial-branch=main")
    (tmp_path / "app.py").write_text("one")
    git("add", "app.py")
    git("commit", "-m", "one")
    git("tag", "v1")
    (tmp_path / "app.py").write_text("two")
    git("commit", "--all", "-m", "two")
    (tmp_path / "app.py").write_text("three")

    source = check_out(tmp_path, "v1", cache=tmp_path / "cache")
    check_out(tmp_path, "main", cache=tmp_path / "cache")

    assert [(path.name, path.read_text()) for path in source.iterdir()] == [("app.py", "one")]
    with pytest.raises(StepFailed, match="git has no release 'v2'"):
        check_out(tmp_path, "v2", cache=tmp_path / "cache")


def test_who_has_no_git_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StepFailed, match="no git here"):
        check_out(tmp_path, "v1", cache=tmp_path / "cache")


def test_a_profile_of_the_callers_shell_decides_nothing_where_the_target_names_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        monkeypatch.setenv(variable, "nobody-has-this-one")
    client = Target("dev", ENVIRONMENT).client("sts")
    assert client.meta.region_name == ENVIRONMENT["AWS_DEFAULT_REGION"]


def test_a_profile_that_the_target_names_gives_its_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "credentials").write_text("[ours]\naws_access_key_id = AKIAOURS\naws_secret_access_key = x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    client = Target("dev", {"AWS_DEFAULT_REGION": "eu-central-1", "AWS_PROFILE": "ours"}).client("sts")
    url = client.generate_presigned_url("get_caller_identity")
    assert "AKIAOURS" in url
