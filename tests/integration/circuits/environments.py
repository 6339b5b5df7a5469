"""Execution environments as processes of their own, which call one dependency through one shared circuit."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.queues import SimpleQueue
from multiprocessing.sharedctypes import Synchronized

from chalicelib.domain.circuit import CircuitRules
from chalicelib.errors import CircuitOpen
from chalicelib.services.breaker import CircuitBreaker, LocalCircuits, SharedCircuits
from chalicelib.stores.cache import Cache
from chalicelib.stores.circuits import RedisCircuits

NAME = "email:main"
CALL_S = 0.002
PATIENCE_S = 10.0
"""A busy machine is no Redis that is away: an environment that believes so goes on, and announces, for itself."""


def context() -> ForkServerContext:
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload([__name__])
    return forking


@dataclass
class Reported:
    """A log that hands what is announced to the test."""

    told: "SimpleQueue[tuple[str, int]]"

    def info(self, message: str, **fields: object) -> None:
        self.told.put((message, os.getpid()))

    warning = error = info

    def count(self, metric: str, value: int = 1, **dimensions: str) -> None: ...


def breaker(url: str, rules: CircuitRules, told: "SimpleQueue[tuple[str, int]]") -> CircuitBreaker:
    circuits = SharedCircuits(
        shared=RedisCircuits(cache=Cache(url, timeout_s=PATIENCE_S), rules=rules),
        alone=LocalCircuits(rules=rules, monotonic_s=time.monotonic),
    )
    return CircuitBreaker(NAME, circuits=circuits, log=Reported(told), monotonic_s=time.monotonic)


@dataclass(frozen=True)
class Dependency:
    """What is called: `up` may be 1 or 0, `stop` ends all environments."""

    up: "Synchronized[int]"
    stop: "Synchronized[int]"


def hammer(
    url: str,
    rules: CircuitRules,
    dependency: Dependency,
    told: "SimpleQueue[tuple[str, int]]",
    probes: "SimpleQueue[int]",
) -> None:
    """Call without a pause until told to stop; hand over the generation of every probe."""
    guard = breaker(url, rules, told)
    while not dependency.stop.value:
        try:
            leave = guard.enter()
        except CircuitOpen:
            time.sleep(CALL_S)  # nothing to wait for: this is the pace of a caller
            continue
        if leave.probe:
            probes.put(leave.generation)
        works = dependency.up.value
        time.sleep(CALL_S)
        if works:
            leave.succeeded()
        else:
            leave.failed()


def die_probing(url: str, rules: CircuitRules, told: "SimpleQueue[tuple[str, int]]") -> None:
    """Become the probe, and never report."""
    guard = breaker(url, rules, told)
    while True:
        try:
            guard.enter()
        except CircuitOpen:
            continue
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def running(start: Callable[[], ForkServerProcess], count: int, stop: Callable[[], None]) -> Iterator[None]:
    """As many environments, ended at the end."""
    environments = [start() for _ in range(count)]
    try:
        yield
    finally:
        stop()
        for one in environments:
            one.join(10)
            one.kill()
    assert all(one.exitcode == 0 for one in environments)
