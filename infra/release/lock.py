"""One deployer of a stage at a time: an object in the state bucket that only one can create.

S3's conditional writes decide who it is (Amazon S3 User Guide, "Conditional writes"), and S3's clock when a lock whose
holder is gone may be taken over.
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from infra.errors import StepFailed
from infra.target import AwsClient

LIFETIME = timedelta(hours=2)
"""Longer than any deployment takes: nobody who still works loses the lock."""

_HELD = {"PreconditionFailed", "ConditionalRequestConflict"}
_GONE = {"NoSuchKey", "404"}


@contextmanager
def deploy_lock(*, s3: AwsClient, bucket: str, stage: str) -> Iterator[None]:
    """Hold the stage's lock for the length of the block.

    A lock of a process of this machine that is no more, and one older than two hours, are taken over.

    Raises:
        StepFailed: somebody else holds it.
    """
    key = _key(stage)
    if not _take(s3, bucket, key, IfNoneMatch="*") and not _take_over(s3, bucket, key):
        raise StepFailed(
            f"{_holder(s3, bucket, key)} is deploying to {stage!r}.",
            remedy=f"Wait for its end. If it is gone for good: python -m infra unlock --stage {stage}",
        )
    try:
        yield
    finally:
        s3.delete_object(Bucket=bucket, Key=key)


def unlock(*, s3: AwsClient, bucket: str, stage: str) -> None:
    """Remove the lock, whoever holds it. Whether somebody works is for a person to know."""
    s3.delete_object(Bucket=bucket, Key=_key(stage))


def _key(stage: str) -> str:
    return f"carillon/{stage}/deploying"


def _take(s3: AwsClient, bucket: str, key: str, **condition: str) -> bool:
    body = json.dumps({"host": socket.gethostname(), "pid": os.getpid()})
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body.encode(), **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] in _HELD | _GONE:
            return False
        raise
    return True


def _take_over(s3: AwsClient, bucket: str, key: str) -> bool:
    try:
        held = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in _GONE:
            return _take(s3, bucket, key, IfNoneMatch="*")
        raise
    if not _is_abandoned(json.loads(held["Body"].read()), age=_age(held)):
        return False
    return _take(s3, bucket, key, IfMatch=held["ETag"])


def _is_abandoned(holder: dict[str, Any], *, age: timedelta) -> bool:  # Any: what _take wrote
    if age > LIFETIME:
        return True
    return holder["host"] == socket.gethostname() and not Path(f"/proc/{holder['pid']}").exists() and _has_proc()


def _has_proc() -> bool:
    """Elsewhere than on Linux nobody can tell so simply whether a process lives."""
    return Path("/proc/self").exists()


def _age(held: dict[str, Any]) -> timedelta:  # Any: boto3's answer
    """By the clock of the one who answers."""
    said_at = held["ResponseMetadata"]["HTTPHeaders"].get("date")
    now = parsedate_to_datetime(said_at) if said_at else datetime.now(held["LastModified"].tzinfo)
    age: timedelta = now - held["LastModified"]
    return age


def _holder(s3: AwsClient, bucket: str, key: str) -> str:
    try:
        held = s3.get_object(Bucket=bucket, Key=key)
    except ClientError:
        return "Somebody"
    holder = json.loads(held["Body"].read())
    return f"Process {holder['pid']} on {holder['host']} (since {held['LastModified']:%Y-%m-%d %H:%M} UTC)"
