"""The event source emulator's control interface, as far as a test of the whole system turns its switches."""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx

from offline.stack.stack import Stack
from tests.e2e.api import succeeded
from tests.e2e.waiting import eventually

Json = Any  # events and results are whatever JSON a function takes and returns
_INVOKE_TIMEOUT_S = 70.0


def invoke(stack: Stack, function: str, event: Json) -> httpx.Response:
    """One invocation, waited for. A function error shows in the header X-Amz-Function-Error."""
    return httpx.post(f"{stack.control_url}/functions/{function}/invocations", json=event, timeout=_INVOKE_TIMEOUT_S)


def mapping(stack: Stack, name: str) -> Json:
    """State and counters of one event source mapping."""
    return next(each for each in succeeded(httpx.get(f"{stack.control_url}/mappings")) if each["name"] == name)


@contextlib.contextmanager
def paused(stack: Stack, *names: str) -> Iterator[None]:
    """Nothing is taken from these mappings' queues for the length of the block."""
    try:
        for name in names:
            _switch(stack, name, enabled=False)
        yield
    finally:
        for name in names:
            _switch(stack, name, enabled=True)


def _switch(stack: Stack, name: str, *, enabled: bool) -> None:
    succeeded(httpx.put(f"{stack.control_url}/mappings/{name}", json={"enabled": enabled}))
    wanted = "Enabled" if enabled else "Disabled"
    eventually(lambda: mapping(stack, name)["state"] == wanted, within_s=15, otherwise=lambda: mapping(stack, name))
