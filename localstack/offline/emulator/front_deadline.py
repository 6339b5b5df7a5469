"""The end of an invocation that takes too long: an answer for the client, and a new environment."""

import os
import sys
import threading
import time
from collections.abc import Callable

# The default, and most accounts' limit, of a REST API's integration timeout.
DEFAULT_INTEGRATION_TIMEOUT_S = 29.0


class Invocation:
    """One invocation under a deadline. Either the function or the deadline answers the client, never both."""

    def __init__(self, *, request_id: str, deadline_s: float, answer_late: Callable[[], None]) -> None:
        self.request_id = request_id
        self.deadline_s = deadline_s
        self.is_late = False
        self._answer_late = answer_late
        self._right_to_answer = threading.Lock()

    def claim_answer(self) -> bool:
        """Whether the caller is the one to answer; true once."""
        return self._right_to_answer.acquire(blocking=False)

    def answer_late(self) -> None:
        """Answers in the function's place, unless it has answered."""
        if self.claim_answer():
            self.is_late = True
            self._answer_late()


class Deadline:
    """Ends this process when an invocation outlives `timeout_s`, and answers its client at the gateway's limit.

    Starting an invocation costs one assignment. The watching thread is not told: an invocation that starts while it
    sleeps cannot be due before it has slept for one whole limit.
    """

    def __init__(self, *, timeout_s: float, integration_timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.answer_after_s = min(timeout_s, integration_timeout_s)
        self._current: Invocation | None = None

    def watch(self) -> None:
        """Starts watching, in a thread of its own, until the process ends."""
        threading.Thread(target=self._watch, name="invocation-deadline", daemon=True).start()

    def begin(self, *, request_id: str, answer_late: Callable[[], None]) -> Invocation:
        """The clock of one invocation, running; the one before it is over."""
        self._current = Invocation(
            request_id=request_id, deadline_s=time.monotonic() + self.timeout_s, answer_late=answer_late
        )
        return self._current

    def end(self) -> None:
        """The invocation is over in time."""
        self._current = None

    def _watch(self) -> None:
        while True:
            time.sleep(self._check())

    def _check(self) -> float:
        """Deals with the current invocation if it is due; seconds until the next look."""
        current = self._current
        if current is None:
            return self.answer_after_s
        left_s = current.deadline_s - time.monotonic()
        until_answer_s = left_s - (self.timeout_s - self.answer_after_s)
        if until_answer_s > 0:
            return until_answer_s
        current.answer_late()
        if left_s > 0:
            return min(left_s, self.answer_after_s)
        if self._current is current and current.is_late:
            _end_environment(current.request_id, self.timeout_s)
        return self.answer_after_s


def _end_environment(request_id: str, timeout_s: float) -> None:
    """Ends the process at once, as Lambda does: no `finally` and no exit handler of the function runs."""
    print(f"{request_id} Task timed out after {timeout_s:.2f} seconds", flush=True)
    sys.stderr.flush()
    os._exit(1)
