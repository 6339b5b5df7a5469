"""What can go wrong, each by its own class.

EmulatorError
├── InvocationFailed          the function did not answer with a result
│   ├── FunctionError         it raised, also while being imported
│   ├── FunctionTimeout       it was ended because its time was over
│   └── FunctionCrashed       its process died
├── FunctionThrottled         every environment that it may have is busy
├── SourceLost                the broker is away; it may come back
└── SourceUnusable            the broker refuses this configuration; it will not change by itself
"""


class EmulatorError(Exception):
    """The root of this package's errors."""


class InvocationFailed(EmulatorError):
    """An invocation without a result; `error_type` and `error_message` are what Lambda would report."""

    error_type: str = "Unhandled"

    @property
    def error_message(self) -> str:
        """The text for people."""
        return str(self)

    @property
    def stack_trace(self) -> list[str]:
        """The function's own stack, if it had the time to tell."""
        return []


class FunctionError(InvocationFailed):
    """The handler raised, or its module could not be imported (`during_init`)."""

    def __init__(
        self, *, error_type: str, error_message: str, stack_trace: list[str], during_init: bool = False
    ) -> None:
        super().__init__(error_message)
        self.error_type = error_type
        self.during_init = during_init
        self._stack_trace = stack_trace

    @property
    def stack_trace(self) -> list[str]:
        """Formatted frames, innermost last."""
        return self._stack_trace


class FunctionTimeout(InvocationFailed):
    """The function used more than `timeout_s`; its process has been killed."""

    error_type = "Sandbox.Timedout"

    def __init__(self, *, request_id: str, timeout_s: float) -> None:
        super().__init__(f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds")
        self.timeout_s = timeout_s


class FunctionCrashed(InvocationFailed):
    """The process ended in the middle; `exit_code` is negative for a signal, as in `subprocess`."""

    error_type = "Runtime.ExitError"

    def __init__(self, *, request_id: str, exit_code: int) -> None:
        how = f"signal: {-exit_code}" if exit_code < 0 else f"exit status {exit_code}"
        super().__init__(f"RequestId: {request_id} Error: Runtime exited with error: {how}")
        self.exit_code = exit_code


class FunctionThrottled(EmulatorError):
    """All environments of the function are busy; nothing was invoked."""


class SourceLost(EmulatorError):
    """The connection to the broker ended or could not be made; unacknowledged messages go back to the queue."""


class SourceUnusable(EmulatorError):
    """The broker refuses, for good; `reason_code` is one of those AWS documents for Amazon MQ."""

    def __init__(self, *, reason_code: str, detail: str) -> None:
        super().__init__(f"{reason_code}: {detail}")
        self.reason_code = reason_code
