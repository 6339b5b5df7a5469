"""How an invocation ended, as Lambda tells it: the error's JSON, and the lines around the function's own output."""

import math
import signal
from dataclasses import dataclass
from datetime import UTC, datetime

from carillon_localstack.runtime_messages import Answer, describe_error


@dataclass(frozen=True, slots=True)
class Ending:
    """`status` and `error_type` are for an invocation that did not end by itself; `remark` is Lambda's own log line."""

    payload: bytes
    is_error: bool
    status: str = ""
    error_type: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one invocation took; `init_s` only for the first on a runtime."""

    duration_s: float
    memory_mb: int
    peak_memory_mb: int
    init_s: float | None = None


def answered(answer: Answer) -> Ending:
    """With a result, or with the error that the handler raised."""
    return Ending(payload=answer.payload, is_error=answer.is_error)


def failed_to_start(answer: Answer) -> Ending:
    """The handler could not be imported; the runtime told why."""
    return Ending(payload=answer.payload, is_error=True, status="error", error_type="Runtime.InitError")


def timed_out(*, request_id: str, timeout_s: int, now: datetime) -> Ending:
    """The function used more than its time."""
    sentence = f"Task timed out after {timeout_s:.2f} seconds"
    return Ending(
        payload=describe_error("Sandbox.Timedout", f"RequestId: {request_id} Error: {sentence}"),
        is_error=True,
        status="timeout",
        remark=f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z {request_id} {sentence}",
    )


def crashed(*, request_id: str, exit_code: int | None) -> Ending:
    """The process ended without an answer; None when it was ended on purpose."""
    message = f"RequestId: {request_id} Error: {_how(exit_code)}"
    return Ending(
        payload=describe_error("Runtime.ExitError", message),
        is_error=True,
        status="error",
        error_type="Runtime.ExitError",
        remark=message,
    )


def tell(*, request_id: str, version: str, output: str, ending: Ending, usage: Usage) -> str:
    """The lines of one invocation, from START to REPORT."""
    lines = [f"START RequestId: {request_id} Version: {version}"]
    lines += [output.removesuffix("\n")] if output else []
    lines += [ending.remark] if ending.remark else []
    lines += [f"END RequestId: {request_id}", _report(request_id, ending, usage)]
    return "\n".join(lines) + "\n"


def _report(request_id: str, ending: Ending, usage: Usage) -> str:
    duration_ms = usage.duration_s * 1000
    fields = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {math.ceil(duration_ms)} ms",
        f"Memory Size: {usage.memory_mb} MB",
        f"Max Memory Used: {usage.peak_memory_mb} MB",
    ]
    fields += [] if usage.init_s is None else [f"Init Duration: {usage.init_s * 1000:.2f} ms"]
    fields += [f"Status: {ending.status}"] if ending.status else []
    fields += [f"Error Type: {ending.error_type}"] if ending.error_type else []
    return "\t".join(fields)


def _how(exit_code: int | None) -> str:
    if exit_code is None:
        return "Runtime exited with error: signal: killed"
    if exit_code == 0:
        return "Runtime exited without providing a reason"
    if exit_code > 0:
        return f"Runtime exited with error: exit status {exit_code}"
    return f"Runtime exited with error: signal: {(signal.strsignal(-exit_code) or str(-exit_code)).lower()}"
