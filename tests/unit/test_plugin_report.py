"""How the end of an invocation is told."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from carillon_localstack.report import Usage, answered, crashed, tell, timed_out
from carillon_localstack.runtime_messages import Answer
from carillon_localstack.variables import function_variables

USAGE = Usage(duration_s=0.0123, memory_mb=128, peak_memory_mb=40)


def test_the_lines_of_an_invocation_stand_between_start_and_report() -> None:
    ending = answered(Answer(b"1", is_error=False))
    told = tell(request_id="r", version="$LATEST", output="one\ntwo\n", ending=ending, usage=USAGE)
    assert told.splitlines() == [
        "START RequestId: r Version: $LATEST",
        "one",
        "two",
        "END RequestId: r",
        "REPORT RequestId: r\tDuration: 12.30 ms\tBilled Duration: 13 ms\tMemory Size: 128 MB\tMax Memory Used: 40 MB",
    ]


def test_a_timeout_is_told_in_seconds_with_two_decimals() -> None:
    ending = timed_out(request_id="r", timeout_s=3, now=datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC))
    assert json.loads(ending.payload)["errorMessage"] == "RequestId: r Error: Task timed out after 3.00 seconds"
    assert ending.remark == "2026-01-02T03:04:05.678Z r Task timed out after 3.00 seconds"
    assert ending.status == "timeout"


@pytest.mark.parametrize(
    ("exit_code", "told"),
    [
        (1, "Runtime exited with error: exit status 1"),
        (-9, "Runtime exited with error: signal: killed"),
        (-11, "Runtime exited with error: signal: segmentation fault"),
        (0, "Runtime exited without providing a reason"),
        (None, "Runtime exited with error: signal: killed"),
    ],
)
def test_a_crash_is_told_by_its_exit_code(exit_code: int | None, told: str) -> None:
    ending = crashed(request_id="r", exit_code=exit_code)
    assert json.loads(ending.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: r Error: {told}",
    }


def test_of_localstacks_variables_only_the_endpoint_stays() -> None:
    given = {
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": 128,
        "LAMBDA_TASK_ROOT": "/var/task",
        "LOCALSTACK_RUNTIME_ID": "x",
        "EDGE_PORT": "1",
    }
    seen = function_variables(given=given, own={"LOCALSTACK_OWN": "mine"}, code=Path("/code"), runtime="python3.11")
    assert not {"LOCALSTACK_RUNTIME_ID", "EDGE_PORT"} & set(seen)
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
    assert seen["LAMBDA_TASK_ROOT"] == "/code"
    assert seen["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.11"
    assert seen["LOCALSTACK_OWN"] == "mine"
