"""The commands for AWS as far as they go without an account: they say at once what is missing."""

import os
import shutil
import subprocess

import pytest

from offline.stack.layout import REPOSITORY

MAKE = shutil.which("make") or "make"
NOBODY_LISTENS = "http://127.0.0.1:1"
NOWHERE = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": NOBODY_LISTENS}
SOMEWHERE = {**NOWHERE, "AWS_DEFAULT_REGION": "eu-central-1"}
IN_AN_ACCOUNT = {**SOMEWHERE, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def make(*arguments: str, environment: dict[str, str]) -> str:
    """What the command says when it fails, which it must."""
    done = subprocess.run(
        [MAKE, *arguments],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("command", ["deploy", "rollback", "destroy"])
def test_a_command_without_a_stage_says_how_to_name_one(command: str) -> None:
    assert "make deploy STAGE=dev" in make(command, environment=SOMEWHERE)


@pytest.mark.parametrize("command", ["deploy", "rollback", "destroy"])
def test_a_command_without_a_region_says_how_to_name_one(command: str) -> None:
    assert "AWS_DEFAULT_REGION" in make(command, "STAGE=dev", environment=NOWHERE)


def test_a_deployment_without_credentials_says_so_and_which_command_goes_on() -> None:
    told = make("deploy", "STAGE=dev", environment=SOMEWHERE)
    assert "redentials" in told
    assert "make deploy STAGE=dev" in told


def test_a_deployment_to_a_stage_that_is_not_described_names_those_that_are() -> None:
    told = make("deploy", "STAGE=staging", environment=IN_AN_ACCOUNT)
    assert "dev" in told
    assert "prod" in told


def test_a_rollback_without_a_release_says_how_to_name_one() -> None:
    assert "TO=v1.2.3" in make("rollback", "STAGE=dev", environment=IN_AN_ACCOUNT)


def test_nothing_is_destroyed_before_the_stage_was_named_twice() -> None:
    assert "make destroy STAGE=dev CONFIRM=dev" in make("destroy", "STAGE=dev", environment=IN_AN_ACCOUNT)
