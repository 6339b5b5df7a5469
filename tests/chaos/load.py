"""A load: clients that post at a rate, whatever the system does, and write down what they were answered."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from tests.chaos.journal import Journal
from tests.chaos.mix import Request
from tests.e2e.api import Client, unique

CLIENTS = 8
PATIENCE_S = 20.0
_RETRY_EVERY_S = 0.5


class Load:
    """Posts `rate_per_s` requests a second while its block lasts; at its end every post has been answered.

    A request with a key is posted again until it is answered with a 202 (or for 20 s), and then once more: a careful
    client's retry, and one that did not need to be. Without a key it is posted once, whatever comes of it. Posts that
    fall behind while the system is slow are made up for, by as many clients as there are.
    """

    def __init__(
        self,
        *,
        client: Client,
        next_request: Callable[[], Request],
        rate_per_s: float,
        journal: Journal,
        clients: int = CLIENTS,
        most: int | None = None,
    ) -> None:
        self._client = client
        self._next_request = next_request
        self._every_s = 1 / rate_per_s
        self._journal = journal
        self._most = most
        self._drawing = threading.Lock()
        self._due_s = time.monotonic()
        self._drawn = 0
        self._accepted: set[str] = set()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, name=f"client-{number}") for number in range(clients)]
        self._failures: list[BaseException] = []

    def __enter__(self) -> Self:
        self._due_s = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self._ended.set()
        self.wait_posted()

    @property
    def accepted(self) -> int:
        """How many notifications have got their 202 so far."""
        return len(self._accepted)

    def wait_accepted(self, count: int, *, within_s: float) -> None:
        """Until so many are, or the time is over: whether it was enough is for the caller to see."""
        ends_at_s = time.monotonic() + within_s
        while self.accepted < count and time.monotonic() < ends_at_s and not self._ended.wait(_RETRY_EVERY_S):
            continue

    def wait_posted(self) -> None:
        """Until all clients are done: when `most` were posted, or the block ends. Raises what made a client fail."""
        for thread in self._threads:
            thread.join()
        for failure in self._failures:
            raise failure

    def _run(self) -> None:
        try:
            while (drawn := self._draw()) is not None:
                request, due_s = drawn
                if not self._ended.wait(max(0.0, due_s - time.monotonic())):
                    self._make(request)
        except BaseException as failure:  # noqa: BLE001 - raised again in `wait_posted`, in the run's own thread
            self._failures.append(failure)
            self._ended.set()

    def _draw(self) -> tuple[Request, float] | None:
        with self._drawing:
            if self._ended.is_set() or self._drawn == self._most:
                return None
            self._drawn += 1
            self._due_s += self._every_s
            return self._next_request(), self._due_s

    def _make(self, request: Request) -> None:
        if request.key is None:
            self._post(request)
            return
        gives_up_at_s = time.monotonic() + PATIENCE_S
        while not self._post(request) and time.monotonic() < gives_up_at_s:
            self._ended.wait(_RETRY_EVERY_S)
        self._post(request)

    def _post(self, request: Request) -> bool:
        """Whether it was answered with a 202."""
        correlation_id = unique("chaos")
        headers = {"X-Correlation-ID": correlation_id, "Idempotency-Key": request.key}
        self._journal.begin(correlation_id, request)
        try:
            answer = self._client.call("POST /v1/notifications", request.body, headers=headers)
        except (httpx.TransportError, AssertionError):  # no answer, or not even a token to ask with
            self._journal.answer(correlation_id, None, None)
            return False
        body = answer.json() if answer.status_code == 202 else None
        self._journal.answer(correlation_id, answer.status_code, body)
        if body is not None:
            self._accepted.add(body["notification_id"])
        return body is not None
