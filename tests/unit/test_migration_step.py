"""Calling the deployed `migrate` function, and what is told when it fails."""

# ruff: noqa: N803  the arguments have boto3's names

import base64
import io
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from infra.errors import StepFailed
from infra.eventually import Patience
from infra.release.migration import migrate


@dataclass
class FakeLambda:
    """Answers every call with the same."""

    answer: object
    error: str | None = None
    log: str = ""
    calls: list[tuple[str, object]] = field(default_factory=list)

    def invoke(self, *, FunctionName: str, LogType: str, Payload: bytes) -> Any:
        self.calls.append((FunctionName, json.loads(Payload)))
        told: dict[str, object] = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        if self.error:
            told |= {"FunctionError": self.error, "LogResult": base64.b64encode(self.log.encode()).decode()}
        return told


class NoFunction:
    def invoke(self, **_call: object) -> Any:
        raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "Function not found"}}, "Invoke")


@dataclass
class SleepingLambda(FakeLambda):
    """Refuses so many calls, because nobody called the function for weeks."""

    refusals: int = 2

    def invoke(self, *, FunctionName: str, LogType: str, Payload: bytes) -> Any:
        self.refusals -= 1
        if self.refusals >= 0:
            raise ClientError({"Error": {"Code": "ResourceNotReadyException", "Message": "Inactive"}}, "Invoke")
        return super().invoke(FunctionName=FunctionName, LogType=LogType, Payload=Payload)


def test_a_function_that_lambda_put_to_sleep_is_waited_for() -> None:
    client, patience = SleepingLambda({}), Patience(longest_s=60, pause=lambda _s: None)

    assert migrate(client=client, stage="dev", founders={}, patience=patience) == {}
    assert len(client.calls) == 1


def test_a_function_that_does_not_wake_up_is_told() -> None:
    client = SleepingLambda({}, refusals=9)

    with pytest.raises(StepFailed, match=r"could not be called: .*Inactive"):
        migrate(client=client, stage="dev", founders={}, patience=Patience(longest_s=0))


def test_the_founders_reach_the_function_and_its_answer_comes_back() -> None:
    client = FakeLambda({"first_admin": "added", "first_client": None})
    founders = {"first_admin": {"email": "ada@example.com", "password": "correct horse battery"}}

    assert migrate(client=client, stage="dev", founders=founders) == {"first_admin": "added", "first_client": None}
    assert client.calls == [("carillon-dev-migrate", founders)]


def test_a_failure_shows_its_error_and_the_end_of_its_log_in_lines() -> None:
    client = FakeLambda(
        {"errorType": "DatabaseUnavailable", "errorMessage": "no route"},
        error="Unhandled",
        log="START\n[ERROR] no route\r  File app.py\nEND\n",
    )

    with pytest.raises(StepFailed, match="carillon-dev-migrate failed: DatabaseUnavailable: no route") as failure:
        migrate(client=client, stage="dev", founders={})

    assert "[ERROR] no route\n  File app.py\nEND" in failure.value.problem


def test_a_function_that_died_without_a_word_is_told_as_far_as_it_is_known() -> None:
    with pytest.raises(StepFailed, match="Task timed out"):
        migrate(client=FakeLambda("Task timed out after 900.00 seconds", error="Unhandled"), stage="dev", founders={})


def test_a_function_that_cannot_be_called_is_told() -> None:
    with pytest.raises(StepFailed, match=r"carillon-dev-migrate could not be called: .*Function not found"):
        migrate(client=NoFunction(), stage="dev", founders={})
