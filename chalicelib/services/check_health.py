"""Asks each service that Carillon stands on whether it is there, and how quickly it says so."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from threading import Lock

from chalicelib.domain.circuit import CircuitState
from chalicelib.errors import DependencyUnavailable
from chalicelib.services.list_circuits import CircuitReport

Check = Callable[[], object]
"""Returns when the service answered. Raises: DependencyUnavailable. Bounded in time by its adapter."""

FRESH_S = 1.0
"""Shorter than anybody's interval of polling; long enough that a flood of questions is one to each dependency."""


@dataclass(frozen=True, slots=True)
class Dependency:
    available: bool
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Health:
    """`ready` tells whether a notification can be accepted: only what is `required` for that counts."""

    dependencies: Mapping[str, Dependency]
    circuits: Mapping[str, CircuitState]
    ready: bool


@dataclass(slots=True, kw_only=True)
class RememberedHealth:
    """What `check` found, for `FRESH_S` after it was found: anybody may ask, and as often as they like.

    Of many who ask at once one checks, and the others wait for what it finds.
    """

    check: Callable[[], Health]
    monotonic_s: Callable[[], float]
    _found: Health | None = None
    _found_at_s: float = 0.0
    _checking: Lock = field(default_factory=Lock)

    def __call__(self) -> Health:
        with self._checking:
            if self._found is None or self.monotonic_s() - self._found_at_s >= FRESH_S:
                self._found = self.check()
                self._found_at_s = self.monotonic_s()
            return self._found


def check_health(
    *,
    checks: Mapping[str, Check],
    required: Set[str],
    circuits: Callable[[], Sequence[CircuitReport]],
    required_circuits: Set[str],
    monotonic_s: Callable[[], float],
) -> Health:
    """The state of every dependency, asked one after the other, and of the circuits as that leaves them.

    A dependency that is back is not ready before its circuit is closed, too: until then every request is refused.
    Never raises for one that is away.
    """
    dependencies = {name: _ask(check, monotonic_s) for name, check in checks.items()}
    states = {report.name: report.state for report in circuits()}
    return Health(
        dependencies=dependencies,
        circuits=states,
        ready=all(dependencies[name].available for name in required)
        and all(states[name] is CircuitState.CLOSED for name in required_circuits),
    )


def _ask(check: Check, monotonic_s: Callable[[], float]) -> Dependency:
    started_s = monotonic_s()
    try:
        check()
    except DependencyUnavailable:
        available = False
    else:
        available = True
    return Dependency(available=available, latency_ms=round((monotonic_s() - started_s) * 1000, 2))
