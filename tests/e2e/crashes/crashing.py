"""What a crash test does to the functions and their event source mappings, which bear the same names."""

import contextlib
import os
import signal
from collections.abc import Iterator

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
    route = f"{stack.control_url}/functions/{function}"
    succeeded(httpx.put(route, json={"enforce_timeout": False}))
    try:
        yield
    finally:
        succeeded(httpx.put(route, json={"enforce_timeout": True}))


def lose_next_acknowledgement(stack: Stack, mapping: str) -> None:
    """The next batch that succeeds is delivered again all the same."""
    succeeded(httpx.post(f"{stack.control_url}/mappings/{mapping}/lose-next-acknowledgement"))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
