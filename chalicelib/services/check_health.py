"""Asks each service that Carillon stands on whether it is there, and how quickly it says so."""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

from chalicelib.errors import DependencyUnavailable

Check = Callable[[], object]
"""Returns when the service answered. Raises: DependencyUnavailable. Bounded in time by its adapter."""


@dataclass(frozen=True, slots=True)
class Dependency:
    available: bool
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Health:
    """`ready` tells whether a notification can be accepted: only what is `required` for that counts."""

    dependencies: Mapping[str, Dependency]
    ready: bool


def check_health(*, checks: Mapping[str, Check], required: Set[str], monotonic_s: Callable[[], float]) -> Health:
    """The state of every dependency, asked one after the other. Never raises for one that is away."""
    dependencies = {name: _ask(check, monotonic_s) for name, check in checks.items()}
    return Health(dependencies=dependencies, ready=all(dependencies[name].available for name in required))


def _ask(check: Check, monotonic_s: Callable[[], float]) -> Dependency:
    started_s = monotonic_s()
    try:
        check()
    except DependencyUnavailable:
        available = False
    else:
        available = True
    return Dependency(available=available, latency_ms=round((monotonic_s() - started_s) * 1000, 2))
