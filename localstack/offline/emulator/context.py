"""The context object that Lambda hands to every invocation, with a clock that counts down."""

import time
from collections.abc import Callable
from dataclasses import dataclass

REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
DEFAULT_MEMORY_MB = 1024


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """One invocation's context, with the attributes that the Python runtime documents.

    `deadline_s` is on the scale of `clock_s`, which keeps running while the process is frozen, as in Lambda.
    """

    aws_request_id: str
    function_name: str
    deadline_s: float
    function_version: str = "$LATEST"
    memory_limit_in_mb: str = str(DEFAULT_MEMORY_MB)
    log_stream_name: str = ""
    identity: None = None
    client_context: None = None
    clock_s: Callable[[], float] = time.monotonic

    @property
    def invoked_function_arn(self) -> str:
        """The unqualified ARN of the function."""
        return function_arn(self.function_name)

    @property
    def log_group_name(self) -> str:
        """`/aws/lambda/<name>`, the group that Lambda creates by default."""
        return f"/aws/lambda/{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Whole milliseconds until the function is ended; never negative."""
        return max(0, int((self.deadline_s - self.clock_s()) * 1000))


def function_arn(function_name: str) -> str:
    """The ARN that a function of this name has in the emulated account."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{function_name}"


def begin_context(
    *, function_name: str, aws_request_id: str, timeout_s: float, log_stream_name: str = ""
) -> LambdaContext:
    """A context whose countdown starts now, from `timeout_s`."""
    return LambdaContext(
        aws_request_id=aws_request_id,
        function_name=function_name,
        deadline_s=time.monotonic() + timeout_s,
        log_stream_name=log_stream_name,
    )
