"""Two deployers of one stage: one of them works."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from moto import mock_aws

from infra.errors import StepFailed
from infra.release.lock import deploy_lock, processes_here, unlock
from infra.target import AwsClient
from tests.rehearsed_aws import rehearsed_client

BUCKET = "carillon-dev-state"
KEY = "carillon/dev/deploying"


@pytest.fixture
def s3() -> Iterator[AwsClient]:
    with mock_aws():
        client = rehearsed_client("s3")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield client


def hold_as(s3: AwsClient, *, host: str, pid: int, among: str | None) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=json.dumps({"host": host, "pid": pid, "among": among}).encode())


def dead_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


def held(s3: AwsClient) -> bool:
    return bool(s3.list_objects_v2(Bucket=BUCKET)["KeyCount"])


def test_the_second_of_two_is_told_who_works(s3: AwsClient) -> None:
    with deploy_lock(s3=s3, bucket=BUCKET, stage="dev"), pytest.raises(StepFailed, match=rf"Process {os.getpid()} on "):
        ExitStack().enter_context(deploy_lock(s3=s3, bucket=BUCKET, stage="dev"))


def test_stages_do_not_wait_for_each_other(s3: AwsClient) -> None:
    with deploy_lock(s3=s3, bucket=BUCKET, stage="dev"), deploy_lock(s3=s3, bucket=BUCKET, stage="prod"):
        pass

    assert not held(s3)


def test_whatever_ends_a_deployment_gives_the_lock_back(s3: AwsClient) -> None:
    with pytest.raises(KeyboardInterrupt), deploy_lock(s3=s3, bucket=BUCKET, stage="dev"):
        raise KeyboardInterrupt

    assert not held(s3)


class EndingCredentials:
    """An S3 that knows us until our credentials end."""

    def __init__(self, s3: AwsClient) -> None:
        self._s3 = s3
        self.ended = False

    def __getattr__(self, operation: str) -> Any:  # Any: an operation of boto3's
        if self.ended:
            raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "it ended"}}, operation)
        return getattr(self._s3, operation)


def test_a_lock_that_cannot_be_given_back_does_not_hide_what_failed_before(s3: AwsClient) -> None:
    ending = EndingCredentials(s3)

    def break_late() -> None:
        ending.ended = True
        raise StepFailed("It is broken.", remedy="Mend it.")

    with pytest.raises(StepFailed, match="broken") as failed, deploy_lock(s3=ending, bucket=BUCKET, stage="dev"):
        break_late()

    [note] = failed.value.__notes__
    assert "ExpiredToken" in note
    assert "infra unlock --stage dev" in note


def test_a_lock_of_a_dead_process_of_this_machine_is_taken_over(s3: AwsClient) -> None:
    hold_as(s3, host=os.uname().nodename, pid=dead_process(), among=processes_here())

    with deploy_lock(s3=s3, bucket=BUCKET, stage="dev"):
        pass

    assert not held(s3)


def test_a_machine_of_the_same_name_is_another_machine(s3: AwsClient) -> None:
    hold_as(s3, host=os.uname().nodename, pid=dead_process(), among="another kernel")

    with pytest.raises(StepFailed, match="is deploying"):
        ExitStack().enter_context(deploy_lock(s3=s3, bucket=BUCKET, stage="dev"))


def test_a_lock_that_was_unlocked_and_taken_by_another_is_left_to_it(s3: AwsClient) -> None:
    with deploy_lock(s3=s3, bucket=BUCKET, stage="dev"):
        unlock(s3=s3, bucket=BUCKET, stage="dev")
        hold_as(s3, host="elsewhere", pid=1, among=None)

    assert held(s3)


def test_a_lock_of_another_machine_is_respected_until_somebody_unlocks(s3: AwsClient) -> None:
    hold_as(s3, host="elsewhere", pid=1, among=None)
    with pytest.raises(StepFailed, match="python -m infra unlock --stage dev"):
        ExitStack().enter_context(deploy_lock(s3=s3, bucket=BUCKET, stage="dev"))

    unlock(s3=s3, bucket=BUCKET, stage="dev")

    with deploy_lock(s3=s3, bucket=BUCKET, stage="dev"):
        pass


@dataclass
class Overtaken:
    """S3 for one who is slow: between looking at the lock and taking it over, somebody else did so."""

    s3: AwsClient
    puts: int = 0

    def put_object(self, **call: Any) -> Any:
        self.puts += 1
        if self.puts == 2:
            hold_as(self.s3, host="elsewhere", pid=1, among=None)
        return self.s3.put_object(**call)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.s3, name)


def test_of_two_that_find_a_dead_ones_lock_the_slower_one_takes_over_nothing(s3: AwsClient) -> None:
    hold_as(s3, host=os.uname().nodename, pid=dead_process(), among=processes_here())

    with pytest.raises(StepFailed, match="Process 1 on elsewhere"):
        ExitStack().enter_context(deploy_lock(s3=Overtaken(s3), bucket=BUCKET, stage="dev"))

    assert held(s3)


@dataclass
class Forgetful:
    """S3 over a bad line: it takes the lock, its answer is lost, and the repeated call finds the lock held."""

    s3: AwsClient

    def put_object(self, **call: Any) -> Any:
        self.s3.put_object(**call)
        return self.s3.put_object(**call)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.s3, name)


def test_whose_answer_was_lost_holds_the_lock_all_the_same(s3: AwsClient) -> None:
    with deploy_lock(s3=Forgetful(s3), bucket=BUCKET, stage="dev"):
        assert held(s3)

    assert not held(s3)
