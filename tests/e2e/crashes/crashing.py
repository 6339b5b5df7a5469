"""What a crash test does to the functions and their event source mappings, which bear the same names."""

import contextlib
import os
import signal
from collections.abc import Collection, Iterator

import httpx

from offline.stack.stack import Stack
from tests.e2e.api import succeeded
from tests.e2e.waiting import eventually

PATIENCE_S = 30.0


def running_pid(stack: Stack, function: str) -> int:
    """The process that runs the function now."""

    def running() -> list[int]:
        functions = succeeded(httpx.get(f"{stack.control_url}/functions"))
        environments = next(each for each in functions if each["name"] == function)["environments"]
        return [each["pid"] for each in environments if each["state"] == "running"]

    return eventually(running, within_s=PATIENCE_S, otherwise=lambda: f"{function} does not run")[0]


def kill(stack: Stack, function: str) -> None:
    """End the process that runs the function now, and wait until it is gone."""
    pid = running_pid(stack, function)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not _exists(pid), within_s=PATIENCE_S, otherwise=lambda: f"{pid} is still there")


@contextlib.contextmanager
def unlimited(stack: Stack, function: str) -> Iterator[None]:
    """An invocation that begins within the block is not killed when its time is over."""
    enforce_timeout(stack, function, enforced=False)
    try:
        yield
    finally:
        enforce_timeout(stack, function, enforced=True)


def enforce_timeout(stack: Stack, function: str, *, enforced: bool) -> None:
    """Whether invocations that begin from now on are killed when their time is over."""
    succeeded(httpx.put(f"{stack.control_url}/functions/{function}", json={"enforce_timeout": enforced}))


def kill_a_front_worker(stack: Stack, killed: Collection[int] = ()) -> int:
    """Kill one that is neither the first process, which replaces it, nor was killed before. Its process id."""

    def workers() -> list[int]:
        return [pid for pid in stack.pids("front")[1:] if pid not in killed]

    worker = eventually(workers, within_s=20, otherwise=lambda: f"no worker came back: {stack.pids('front')}")[-1]
    os.kill(worker, signal.SIGKILL)
    return worker


def lose_next_acknowledgement(stack: Stack, mapping: str) -> None:
    """The next batch that succeeds is delivered again all the same."""
    succeeded(httpx.post(f"{stack.control_url}/mappings/{mapping}/lose-next-acknowledgement"))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
