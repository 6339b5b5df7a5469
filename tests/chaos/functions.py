"""Faults of the functions: killed, or stopped until their leases are over, in the middle of their work."""

import os
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from offline.stack.stack import Stack
from tests.chaos.fault import World
from tests.e2e.api import Json, succeeded
from tests.e2e.crashes.crashing import enforce_timeout, kill_a_front_worker
from tests.e2e.waiting import eventually

BUSY_WITHIN_S = 3.0
PATIENCE_S = 60.0
"""With the broker away, a function is not invoked for a while."""


@dataclass(frozen=True, slots=True)
class KillFunction:
    """The process that runs the function dies in the middle of its work."""

    target: str
    kind: str = "kill"
    for_s: float = 0.0

    def begin(self, world: World) -> datetime:
        pid = _busiest(world.stack, self.target)
        began_at = datetime.now(UTC)
        _signal(pid, signal.SIGKILL)
        return began_at

    def end(self, world: World) -> None:
        """The next invocation starts a new process."""


@dataclass(frozen=True, slots=True)
class FreezeFunction:
    """The process stands still in the middle of an invocation, and no timeout saves anybody from its return."""

    target: str
    for_s: float
    kind: str = "freeze"

    def begin(self, world: World) -> datetime:
        before = _invocations(world.stack, self.target)
        enforce_timeout(world.stack, self.target, enforced=False)
        pid = eventually(
            lambda: _began_since(world.stack, self.target, before),
            within_s=PATIENCE_S,
            otherwise=lambda: f"{self.target} was not invoked: {before}",
        )
        began_at = datetime.now(UTC)
        _signal(pid, signal.SIGSTOP)
        return began_at

    def end(self, world: World) -> None:
        for each in _environments(world.stack, self.target):
            if each["state"] == "running":
                _signal(each["pid"], signal.SIGCONT)
        enforce_timeout(world.stack, self.target, enforced=True)


@dataclass(frozen=True, slots=True)
class KillHttpWorker:
    """A process of the HTTP front dies, with the request it has in hand."""

    kind: str = "kill"
    target: str = "front"
    for_s: float = 0.0

    def begin(self, world: World) -> None:
        kill_a_front_worker(world.stack)

    def end(self, world: World) -> None:
        """The front replaces it."""


def _environments(stack: Stack, function: str) -> list[Json]:
    functions = succeeded(httpx.get(f"{stack.control_url}/functions"))
    return list(next(each for each in functions if each["name"] == function)["environments"])


def _invocations(stack: Stack, function: str) -> set[tuple[int, int]]:
    return {(each["pid"], each["invocations"]) for each in _environments(stack, function)}


def _began_since(stack: Stack, function: str, before: set[tuple[int, int]]) -> int | None:
    """The process of an invocation that is under way and was not yet at that time."""
    running = [each for each in _environments(stack, function) if each["state"] == "running"]
    return next((each["pid"] for each in running if (each["pid"], each["invocations"]) not in before), None)


def _busiest(stack: Stack, function: str) -> int:
    """A process of the function that works; when none does for a while, one that waits for its next event."""
    content_from_s = time.monotonic() + BUSY_WITHIN_S

    def worth_it() -> list[Json]:
        found = _environments(stack, function)
        running = [each for each in found if each["state"] == "running"]
        return running or (found if time.monotonic() > content_from_s else [])

    return int(eventually(worth_it, within_s=PATIENCE_S, otherwise=lambda: f"{function} has no process")[0]["pid"])


def _signal(pid: int, number: signal.Signals) -> None:
    """To the process and all it started: an environment leads a group of its own."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return  # it ended meanwhile, by itself: then its next process is the one to be met, by another fault
