"""One invocation of a function with one batch, in a thread of its own."""

import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from offline.emulator.batching import Delivery
from offline.emulator.errors import FunctionThrottled, InvocationFailed
from offline.emulator.wire import Json


class Invocable(Protocol):
    """A function, wherever it runs."""

    def invoke(self, event: Json, /) -> Json:
        """The handler's result. Raises InvocationFailed, FunctionThrottled."""


class Outcome(StrEnum):
    """How an execution stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Execution:
    """Runs at once; `outcome` is RUNNING until the function has answered or failed, then `on_end` is called."""

    def __init__(
        self, *, function: Invocable, event: Json, batch: list[Delivery], source: object, on_end: Callable[[], None]
    ) -> None:
        self.batch = batch
        self.source = source
        self.outcome = Outcome.RUNNING
        self._thread = threading.Thread(target=self._run, args=(function, event, on_end), daemon=True)
        self._thread.start()

    @property
    def last_tag(self) -> int:
        """The greatest delivery tag of the batch."""
        return self.batch[-1].tag

    def _run(self, function: Invocable, event: Json, on_end: Callable[[], None]) -> None:
        outcome = Outcome.FAILED
        try:
            function.invoke(event)
            outcome = Outcome.SUCCEEDED
        except (InvocationFailed, FunctionThrottled):
            outcome = Outcome.FAILED
        finally:
            self.outcome = outcome
            on_end()
