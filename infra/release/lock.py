"""One deployer of a stage at a time: an object in the state bucket that only one can create.

S3's conditional writes decide who it is (Amazon S3 User Guide, "Conditional writes"), and S3's clock when a lock whose
holder is gone may be taken over.
"""

import json
import os
import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from infra.errors import StepFailed
from infra.target import AwsClient

LIFETIME = timedelta(hours=2)
"""Longer than a deployment takes once its servers are there: nobody who still works loses the lock."""

Holder = Mapping[str, Any]  # Any: JSON
_HELD = {"PreconditionFailed", "ConditionalRequestConflict"}
_GONE = {"NoSuchKey", "404"}
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_CONTAINER = Path("/proc/self/ns/pid")


@contextmanager
def deploy_lock(*, s3: AwsClient, bucket: str, stage: str) -> Iterator[None]:
    """Hold the stage's lock for the length of the block.

    A lock of a process of this machine that is no more, and one older than two hours, are taken over.

    Raises:
        StepFailed: somebody else holds it.
    """
    lock = _Lock(s3, bucket, _key(stage), _this_process())
    if not lock.take():
        raise StepFailed(
            f"{lock.who()} is deploying to {stage!r}.",
            remedy=f"Wait for its end. If it is gone for good: .venv/bin/python -m infra unlock --stage {stage}",
        )
    try:
        yield
    except BaseException as error:
        _give_back_after(error, lock, stage)
        raise
    lock.give_back()


def _give_back_after(error: BaseException, lock: "_Lock", stage: str) -> None:
    """What failed is told, and not that its credentials, which may have ended, no longer give back a lock either."""
    try:
        lock.give_back()
    except (ClientError, BotoCoreError) as refused:
        error.add_note(f"The stage stays locked: {refused}\nFree it: .venv/bin/python -m infra unlock --stage {stage}")


def unlock(*, s3: AwsClient, bucket: str, stage: str) -> None:
    """Remove the lock, whoever holds it. Whether somebody works is for a person to know."""
    s3.delete_object(Bucket=bucket, Key=_key(stage))


def _key(stage: str) -> str:
    return f"carillon/{stage}/deploying"


@dataclass(frozen=True, slots=True)
class _Lock:
    s3: AwsClient
    bucket: str
    key: str
    me: Holder

    def take(self) -> bool:
        """Whether we hold it now: also when S3 took it, its answer was lost, and the repeated call was refused."""
        return self._put(IfNoneMatch="*") or self._take_over() or self._is_ours()

    def give_back(self) -> None:
        """One that somebody unlocked and another one took meanwhile is not ours to remove."""
        if self._is_ours():
            self.s3.delete_object(Bucket=self.bucket, Key=self.key)

    def who(self) -> str:
        held = self._look()
        if held is None:
            return "Somebody"
        holder, answer = held
        return f"Process {holder['pid']} on {holder['host']} (since {answer['LastModified']:%Y-%m-%d %H:%M} UTC)"

    def _put(self, **condition: str) -> bool:
        try:
            self.s3.put_object(Bucket=self.bucket, Key=self.key, Body=json.dumps(self.me).encode(), **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in _HELD | _GONE:
                return False
            raise
        return True

    def _take_over(self) -> bool:
        held = self._look()
        if held is None:
            return self._put(IfNoneMatch="*")
        holder, answer = held
        return _is_abandoned(holder, age=_age(answer)) and self._put(IfMatch=answer["ETag"])

    def _is_ours(self) -> bool:
        held = self._look()
        return held is not None and held[0] == self.me

    def _look(self) -> tuple[Holder, Any] | None:  # Any: boto3's answer
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=self.key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise
        return json.loads(answer["Body"].read()), answer


def _this_process() -> Holder:
    return {"host": socket.gethostname(), "pid": os.getpid(), "among": processes_here(), "token": uuid.uuid4().hex}


def processes_here() -> str | None:
    """What the number of a process is a number of: the kernel since its start, and the container. Only Linux tells.

    The name of a machine says less: many are called alike.
    """
    try:
        return f"{_BOOT.read_text().strip()} {_CONTAINER.readlink()}"
    except OSError:
        return None


def _is_abandoned(holder: Holder, *, age: timedelta) -> bool:
    if age > LIFETIME:
        return True
    is_of_here = holder.get("among") is not None and holder["among"] == processes_here()
    return is_of_here and not _lives(holder["pid"])


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _age(held: Any) -> timedelta:  # Any: boto3's answer
    """By the clock of the one who answers."""
    said_at = held["ResponseMetadata"]["HTTPHeaders"].get("date")
    now = parsedate_to_datetime(said_at) if said_at else datetime.now(held["LastModified"].tzinfo)
    age: timedelta = now - held["LastModified"]
    return age
