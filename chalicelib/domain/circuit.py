"""The circuit breaker's state machine, pure: whoever keeps a circuit, and whatever its clock, the moves are these.

    closed ──N failures in a window, no success between──→ open ──open_s later, to ONE caller──→ half-open
       ↑                                                    ↑                                       │
       └──────────────the probe succeeded───────────────────┼───────────────────────────────────────┤
                                                            └──────the probe failed─────────────────┘

A **generation** numbers the stretches between two moves, and every admitted call bears the one that it was admitted in:
a report that comes late, about a stretch that is over, changes nothing. The probe is a lease: when its holder dies, the
next caller after `probe_s` is the probe, in a generation of its own.

Moments are seconds of one clock, whose zero does not matter.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

WINDOW_S = 30.0
PROBE_WATCH_S = 1.0
"""When a caller that is refused because of a probe under way should ask again: most probes end within this."""


class CircuitState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class CircuitRules:
    """`probe_s` must be longer than the longest guarded call, or a slow probe would be followed by another."""

    failure_threshold: int
    open_s: float
    probe_s: float
    window_s: float = WINDOW_S


@dataclass(frozen=True, slots=True)
class Circuit:
    """One circuit. `retry_at_s` is when an open one admits a probe, or when a half-open one's lease ends."""

    state: CircuitState = CircuitState.CLOSED
    generation: int = 0
    failed_at_s: tuple[float, ...] = ()
    opened_at_s: float | None = None
    retry_at_s: float | None = None

    def refuses_for_s(self, at_s: float) -> float:
        """How long a caller that is refused at this moment should stay away; 0 when it would be admitted."""
        if self.retry_at_s is None or at_s >= self.retry_at_s:
            return 0.0
        left_s = self.retry_at_s - at_s
        return left_s if self.state is CircuitState.OPEN else min(left_s, PROBE_WATCH_S)

    def moved_by(self, offset_s: float) -> "Circuit":
        """The same circuit by another clock, which shows `offset_s` more."""
        return replace(
            self,
            failed_at_s=tuple(at_s + offset_s for at_s in self.failed_at_s),
            opened_at_s=None if self.opened_at_s is None else self.opened_at_s + offset_s,
            retry_at_s=None if self.retry_at_s is None else self.retry_at_s + offset_s,
        )


@dataclass(frozen=True, slots=True)
class Move:
    """What one call made of a circuit, at `at_s` of its keeper's clock.

    `changed` tells that this very call took it into another state: it is true for one call only, which may announce it.
    `admitted` is the answer to `admit`, and true for every other call.
    """

    circuit: Circuit
    at_s: float
    changed: bool = False
    admitted: bool = True


def admit(circuit: Circuit, rules: CircuitRules, *, at_s: float) -> Move:
    """Ask for a call. Of those who ask when an open circuit is due, the first is the probe, and the others refused."""
    if circuit.state is CircuitState.CLOSED:
        return Move(circuit, at_s)
    if circuit.refuses_for_s(at_s) > 0:
        return Move(circuit, at_s, admitted=False)
    probed = replace(
        circuit,
        state=CircuitState.HALF_OPEN,
        generation=_next(circuit, at_s),
        retry_at_s=at_s + rules.probe_s,
    )
    return Move(probed, at_s, changed=circuit.state is CircuitState.OPEN)


def succeed(circuit: Circuit, generation: int, *, at_s: float) -> Move:
    """Report that a call of that generation succeeded. A probe's success closes; any other forgets the failures."""
    if generation != circuit.generation or circuit.state is CircuitState.OPEN:
        return Move(circuit, at_s)
    if circuit.state is CircuitState.HALF_OPEN:
        return reset(circuit, at_s=at_s)
    return Move(replace(circuit, failed_at_s=()), at_s)


def fail(circuit: Circuit, generation: int, rules: CircuitRules, *, at_s: float) -> Move:
    """Report that a call of that generation failed. A probe's failure opens again, for the whole time."""
    if generation != circuit.generation or circuit.state is CircuitState.OPEN:
        return Move(circuit, at_s)
    recent = [failed_at_s for failed_at_s in circuit.failed_at_s if failed_at_s > at_s - rules.window_s]
    failures = (*recent, at_s)[-rules.failure_threshold :]
    if circuit.state is CircuitState.CLOSED and len(failures) < rules.failure_threshold:
        return Move(replace(circuit, failed_at_s=failures), at_s)
    opened = Circuit(
        state=CircuitState.OPEN,
        generation=_next(circuit, at_s),
        failed_at_s=failures,
        opened_at_s=at_s,
        retry_at_s=at_s + rules.open_s,
    )
    return Move(opened, at_s, changed=True)


def reset(circuit: Circuit, *, at_s: float) -> Move:
    """Close it, whatever it was, and begin anew. What is under way reports to a generation that is over."""
    closed = Circuit(generation=_next(circuit, at_s))
    return Move(closed, at_s, changed=circuit.state is not CircuitState.CLOSED)


def _next(circuit: Circuit, at_s: float) -> int:
    """The clock's milliseconds, or one more than before: it never repeats, also when the circuit's keeper lost it."""
    return max(circuit.generation + 1, int(at_s * 1000))


Monotonic = Callable[[], float]
"""A clock that never goes back, in seconds."""


class Permit(Protocol):
    """Leave for one call, whose end is reported once: a third way out, such as the process's death, reports nothing."""

    @property
    def probe(self) -> bool:
        """Whether this call is the one that finds out if the dependency is back."""

    def succeeded(self) -> None: ...

    def failed(self) -> float:
        """For how many seconds the dependency is left alone now; 0 when it is not."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a call would meet at this moment: a refusal for so long, or leave, perhaps as the probe."""

    refused_for_s: float = 0.0
    as_probe: bool = False


class Breaker(Protocol):
    """Stands before the calls to one dependency."""

    def enter(self) -> Permit:
        """Leave for one call.

        Raises:
            CircuitOpen: the dependency is left alone for now.
        """

    def foresee(self) -> Prospect:
        """What `enter` would answer. No permit is taken, hence no probe is used up."""


class _Untold:
    probe = False

    def succeeded(self) -> None: ...

    def failed(self) -> float:
        return 0.0


class NeverOpen:
    """For those who must ask a dependency whatever is known of it."""

    def enter(self) -> Permit:
        return _Untold()

    def foresee(self) -> Prospect:
        return Prospect()
