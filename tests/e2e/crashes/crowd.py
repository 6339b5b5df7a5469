"""Clients that post one notification after another, all at once, and write down what they were answered."""

import json
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from tests.e2e.waiting import eventually

Json = Any


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one post. `status` is None when the connection ended without an answer."""

    posted: Json
    began_at_s: float
    took_s: float
    status: int | None
    body: Json
    retry_after: str | None

    @property
    def accepted(self) -> bool:
        return self.status == 202


class Crowd:
    """Eight threads, each of which posts as long as there are permits.

    A context manager: at its end every post under way has been answered.
    """

    def __init__(self, post: Callable[[], httpx.Response], *, clients: int = 8) -> None:
        self._post = post
        self._permits = threading.Semaphore(0)
        self._allowed = 0
        self._closing = False
        self._answers: list[Answered] = []
        self._threads = [threading.Thread(target=self._run, name=f"client-{number}") for number in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self._closing = True
        self._permits.release(len(self._threads))
        for thread in self._threads:
            thread.join()

    @property
    def answers(self) -> Sequence[Answered]:
        return tuple(self._answers)

    @property
    def accepted(self) -> list[Json]:
        """The bodies of the 202s."""
        return [answer.body for answer in self.answers if answer.accepted]

    @property
    def refused(self) -> list[Answered]:
        """Everything that was not a 202."""
        return [answer for answer in self.answers if not answer.accepted]

    def allow(self, count: int) -> None:
        """Let so many more be posted."""
        self._allowed += count
        self._permits.release(count)

    def wait_answered(self, count: int | None = None, *, within_s: float = 60) -> None:
        """Until so many were answered, or all that were allowed."""
        wanted = self._allowed if count is None else count
        eventually(
            lambda: len(self._answers) >= wanted,
            within_s=within_s,
            otherwise=lambda: f"{len(self._answers)} of {wanted} were answered",
        )

    def trickle_while(self, work: Callable[[], None], *, every_s: float, count: int) -> None:
        """Do `work`, and let `count` more be posted every so often until it is done."""
        failures: list[BaseException] = []

        def run() -> None:
            try:
                work()
            except BaseException as failure:  # noqa: BLE001 - raised again below, in the test's own thread
                failures.append(failure)

        worker = threading.Thread(target=run)
        worker.start()
        while worker.is_alive():
            self.allow(count)
            worker.join(every_s)
        for failure in failures:
            raise failure

    def _run(self) -> None:
        while self._permits.acquire() and not self._closing:
            began_at_s = time.monotonic()
            try:
                response = self._post()
            except httpx.TransportError as failure:
                posted, status, body, retry_after = failure.request.content, None, None, None
            else:
                posted, status, body = response.request.content, response.status_code, response.json()
                retry_after = response.headers.get("Retry-After")
            took_s = time.monotonic() - began_at_s
            self._answers.append(Answered(json.loads(posted), began_at_s, took_s, status, body, retry_after))


def p50_ms(answers: Sequence[Answered]) -> float:
    return 1000 * statistics.median(answer.took_s for answer in answers)
