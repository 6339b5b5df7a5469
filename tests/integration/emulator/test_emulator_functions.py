"""A function keeps warm environments, replaces idle ones, and has no more than it may."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from offline.emulator.config import FunctionSpec
from offline.emulator.environment import EnvironmentState
from offline.emulator.errors import FunctionCrashed, FunctionThrottled
from offline.emulator.function import Function
from tests.integration.emulator.workbench import Journal, eventually, exists


class Clock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Deploy(Protocol):
    """A function that ends with the test."""

    def __call__(self, handler: str, *, recycle_idle_s: float | None = None, max_concurrency: int = 10) -> Function: ...


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def deploy(journal: Journal, clock: Clock) -> Iterator[Deploy]:
    with ExitStack() as functions:

        def deploy_one(handler: str, *, recycle_idle_s: float | None = None, max_concurrency: int = 10) -> Function:
            spec = FunctionSpec(
                handler=f"handlers.{handler}",
                timeout_s=30,
                environment=journal.environ,
                recycle_idle_s=recycle_idle_s,
                max_concurrency=max_concurrency,
            )
            function = Function(name="under-test", spec=spec, clock_s=clock)
            functions.callback(function.close)
            return function

        yield deploy_one


def test_invocations_one_after_another_share_one_environment(deploy: Deploy) -> None:
    function = deploy("ignore")
    function.invoke(None)
    function.invoke(None)
    (only,) = function.describe()
    assert (only.invocations, only.state) == (2, EnvironmentState.FROZEN)


def test_invocations_at_the_same_time_have_an_environment_each(deploy: Deploy, journal: Journal) -> None:
    function = deploy("obey")
    threads = [threading.Thread(target=function.invoke, args=(None,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    first, second = journal.next(), journal.next()
    assert first.pid != second.pid
    assert {one.state for one in function.describe()} == {EnvironmentState.RUNNING}
    first.succeed()
    second.succeed()
    for thread in threads:
        thread.join()
    assert {one.pid for one in function.describe()} == {first.pid, second.pid}


def test_more_than_the_allowed_concurrency_is_throttled(deploy: Deploy, journal: Journal) -> None:
    function = deploy("obey", max_concurrency=1)
    running = threading.Thread(target=function.invoke, args=(None,))
    running.start()
    visit = journal.next()
    with pytest.raises(FunctionThrottled):
        function.invoke(None)
    visit.succeed()
    running.join()


def test_an_environment_that_is_idle_too_long_is_ended(deploy: Deploy, clock: Clock) -> None:
    function = deploy("ignore", recycle_idle_s=60)
    function.invoke(None)
    (first,) = function.describe()
    clock.now_s = 59
    function.recycle_idle()
    assert function.describe() == [first]
    clock.now_s = 60
    function.recycle_idle()
    assert function.describe() == []
    assert not exists(first.pid)


def test_a_process_that_died_while_frozen_is_replaced_unnoticed(deploy: Deploy) -> None:
    function = deploy("ignore")
    function.invoke(None)
    (first,) = function.describe()
    kill_and_wait(first.pid)
    function.invoke(None)
    (second,) = function.describe()
    assert second.pid != first.pid


def test_closing_ends_running_and_frozen_environments(deploy: Deploy, journal: Journal) -> None:
    function = deploy("obey")
    failures: list[FunctionCrashed] = []

    def invoke() -> None:
        try:
            function.invoke(None)
        except FunctionCrashed as crash:
            failures.append(crash)

    running = threading.Thread(target=invoke)
    running.start()
    visit = journal.next()
    function.close()
    running.join()
    assert len(failures) == 1
    assert not exists(visit.pid)
    with pytest.raises(FunctionThrottled):
        function.invoke(None)


def kill_and_wait(pid: int) -> None:
    """Kill without reaping, which is the parent's business."""
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not exists(pid))
