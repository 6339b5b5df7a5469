"""An execution environment: one invocation at a time, on a runtime that is replaced when it is no more.

What happens in which case is what Lambda documents: the initialisation has ten seconds free of charge and then goes on
in the function's time; a timeout kills the runtime, as a crash does; the next invocation begins with a new one.
"""

import contextlib
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from carillon_localstack.output_file import OutputFile
from carillon_localstack.report import Ending, Usage, answered, crashed, failed_to_start, tell, timed_out
from carillon_localstack.runtime import FunctionSpec, Runtime
from carillon_localstack.runtime_messages import Answer, Invocation

INIT_FREE_S = 10.0


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be invoked."""

    request_id: str
    function_arn: str
    payload: bytes
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`logs` are the lines that belong to this invocation, as CloudWatch Logs would show them."""

    payload: bytes
    is_error: bool
    logs: str


class Environment:
    """Its runtime starts at once. `invoke` is for one thread at a time; `drain` and `kill` may come from any."""

    def __init__(self, spec: FunctionSpec) -> None:
        self._spec = spec
        self._output = OutputFile()
        self._in_use = threading.Lock()
        self._replacing = threading.Lock()
        self._closed = False
        self._used_up = False
        self._runtime = Runtime(spec=spec, output=self._output)

    def await_init(self) -> None:
        """Return when the handler is imported, or cannot be, or its free time is over: `invoke` tells which."""
        with contextlib.suppress(TimeoutError):
            self._runtime.await_idle(self._runtime.started_at_s + INIT_FREE_S)

    def invoke(self, request: Request) -> Outcome:
        """The function's answer, or how it failed. Raises nothing for what the function does."""
        with self._in_use:
            runtime = self._usable_runtime()
            began_s = time.monotonic()
            ending = self._run(runtime, request)
            usage = self._measure(runtime, time.monotonic() - began_s)
            if ending.status:
                self._used_up = True
                runtime.kill()
            logs = tell(
                request_id=request.request_id,
                version=self._spec.version,
                output=self._output.take(),
                ending=ending,
                usage=usage,
            )
            return Outcome(payload=ending.payload, is_error=ending.is_error, logs=logs)

    def drain(self) -> None:
        """End the runtime after the invocation that it may be in, which its timeout bounds."""
        with self._in_use:
            self._end()
            self._output.close()

    def kill(self) -> None:
        """End the runtime at once; an invocation under way fails as a crash. Idempotent."""
        self._end()
        with self._in_use:
            self._output.close()

    def _end(self) -> None:
        with self._replacing:
            self._closed = True
            self._runtime.kill()

    def _usable_runtime(self) -> Runtime:
        """A new one in place of one whose end is no news, except after `kill`."""
        spent = self._used_up or self._died_idle()
        with self._replacing:
            if spent and not self._closed:
                self._runtime.kill()
                self._runtime = Runtime(spec=self._spec, output=self._output)
                self._used_up = False
            return self._runtime

    def _died_idle(self) -> bool:
        """Whether it ended since its last answer; so did one that has not come back for more all the time."""
        if not self._runtime.ready:
            return False
        try:
            return self._runtime.await_idle(time.monotonic() + self._spec.timeout_s) is not None
        except TimeoutError:
            return True

    def _run(self, runtime: Runtime, request: Request) -> Ending:
        now_s = time.monotonic()
        clock_starts_s = now_s if runtime.ready else max(now_s, runtime.started_at_s + INIT_FREE_S)
        try:
            failure = runtime.await_idle(clock_starts_s + self._spec.timeout_s)
            if isinstance(failure, Answer):
                return failed_to_start(failure)
            used_s = max(0.0, time.monotonic() - clock_starts_s)
            given = failure or runtime.invoke(_invocation(request, self._spec.timeout_s - used_s))
        except TimeoutError:
            return timed_out(request_id=request.request_id, timeout_s=self._spec.timeout_s, now=datetime.now(UTC))
        if isinstance(given, Answer):
            return answered(given)
        return crashed(request_id=request.request_id, exit_code=given.exit_code)

    def _measure(self, runtime: Runtime, duration_s: float) -> Usage:
        return Usage(
            duration_s=duration_s,
            memory_mb=self._spec.memory_mb,
            peak_memory_mb=runtime.peak_memory_mb(),
            init_s=runtime.init_s if runtime.invocations == 1 else None,
        )


def _invocation(request: Request, timeout_s: float) -> Invocation:
    return Invocation(
        request_id=request.request_id,
        function_arn=request.function_arn,
        payload=request.payload,
        timeout_s=timeout_s,
        trace_id=request.trace_id,
    )
