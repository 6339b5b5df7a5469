"""Guards the calls to one dependency, by a circuit that all execution environments share while Redis is there.

While a circuit is closed, a call costs nothing but memory: what is known of it is at most a second old, and only
failures are reported, and the first success after them. So another environment may go on calling for that second what
everybody else has given up. While it is not closed, every call asks Redis: a round trip instead of a call in vain, and
nobody stays away from what has come back. While Redis is away, each environment goes on with the same machine and what
it knew last.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from chalicelib.domain import circuit as machine
from chalicelib.domain.circuit import Circuit, CircuitRules, CircuitState, Monotonic, Move, Prospect
from chalicelib.errors import CacheUnavailable, CircuitOpen
from chalicelib.services.ports import Log

FRESH_S = 1.0
_UNTOUCHED = Circuit()


class Circuits(Protocol):
    """Keeps circuits by name. Each may raise CacheUnavailable."""

    def look(self, name: str) -> Move: ...

    def admit(self, name: str) -> Move: ...

    def succeed(self, name: str, generation: int) -> Move: ...

    def fail(self, name: str, generation: int) -> Move: ...

    def reset(self, name: str) -> Move: ...


class CircuitScope(StrEnum):
    """For whom a circuit speaks: for all environments, or, while Redis is away, for the one that answers."""

    SHARED = "shared"
    ENVIRONMENT = "environment"


class LocalCircuits:
    """The circuits of this process alone. Shared by threads; never raises."""

    def __init__(self, *, rules: CircuitRules, monotonic_s: Monotonic) -> None:
        self._rules = rules
        self._monotonic_s = monotonic_s
        self._circuits: dict[str, Circuit] = {}
        self._lock = threading.Lock()

    def adopt(self, name: str, move: Move) -> None:
        """Go on from what another keeper said a moment ago."""
        with self._lock:
            self._circuits[name] = move.circuit.moved_by(self._monotonic_s() - move.at_s)

    def known(self, name: str) -> Circuit:
        return self._circuits.get(name, _UNTOUCHED)

    def look(self, name: str) -> Move:
        return Move(self.known(name), self._monotonic_s())

    def admit(self, name: str) -> Move:
        return self._turn(name, lambda circuit, at_s: machine.admit(circuit, self._rules, at_s=at_s))

    def succeed(self, name: str, generation: int) -> Move:
        return self._turn(name, lambda circuit, at_s: machine.succeed(circuit, generation, at_s=at_s))

    def fail(self, name: str, generation: int) -> Move:
        return self._turn(name, lambda circuit, at_s: machine.fail(circuit, generation, self._rules, at_s=at_s))

    def reset(self, name: str) -> Move:
        return self._turn(name, lambda circuit, at_s: machine.reset(circuit, at_s=at_s))

    def _turn(self, name: str, turn: Callable[[Circuit, float], Move]) -> Move:
        with self._lock:
            move = turn(self.known(name), self._monotonic_s())
            self._circuits[name] = move.circuit
            return move


class SharedCircuits:
    """The shared circuits, and this process's own for as long as they cannot be asked."""

    def __init__(self, *, shared: Circuits, alone: LocalCircuits) -> None:
        self._shared = shared
        self._alone = alone

    def known(self, name: str) -> Circuit:
        """What was heard last: costs no round trip."""
        return self._alone.known(name)

    def inspect(self, name: str) -> tuple[Move, CircuitScope]:
        """The circuit as it is, and for whom it is so."""
        return self._ask(name, lambda circuits: circuits.look(name))

    def look(self, name: str) -> Move:
        return self.inspect(name)[0]

    def admit(self, name: str) -> Move:
        return self._ask(name, lambda circuits: circuits.admit(name))[0]

    def succeed(self, name: str, generation: int) -> Move:
        return self._ask(name, lambda circuits: circuits.succeed(name, generation))[0]

    def fail(self, name: str, generation: int) -> Move:
        return self._ask(name, lambda circuits: circuits.fail(name, generation))[0]

    def reset(self, name: str) -> tuple[Move, CircuitScope]:
        return self._ask(name, lambda circuits: circuits.reset(name))

    def _ask(self, name: str, ask: Callable[[Circuits], Move]) -> tuple[Move, CircuitScope]:
        try:
            move = ask(self._shared)
        except CacheUnavailable:
            return ask(self._alone), CircuitScope.ENVIRONMENT
        self._alone.adopt(name, move)
        return move, CircuitScope.SHARED


class CircuitBreaker:
    """The breaker of one dependency. Shared by threads."""

    def __init__(self, name: str, *, circuits: SharedCircuits, log: Log, monotonic_s: Monotonic) -> None:
        self._name = name
        self._circuits = circuits
        self._log = log
        self._monotonic_s = monotonic_s
        self._look_at_s = float("-inf")

    def enter(self) -> "Leave":
        """Leave for one call, without a round trip while the circuit is known to be closed.

        Raises:
            CircuitOpen: with the time for which the dependency is left alone, or is being probed.
        """
        circuit = self._known()
        if circuit.state is CircuitState.CLOSED:
            return Leave(self, circuit.generation, probe=False)
        move = self._circuits.admit(self._name)
        tell(self._log, self._name, move)
        if not move.admitted:
            raise CircuitOpen(self._name, retry_after_s=move.circuit.refuses_for_s(move.at_s))
        return Leave(self, move.circuit.generation, probe=move.circuit.state is CircuitState.HALF_OPEN)

    def foresee(self) -> Prospect:
        """What a call would meet. Changes nothing; while the circuit is not closed it costs a round trip."""
        if self._known().state is CircuitState.CLOSED:
            return Prospect()
        move = self._circuits.look(self._name)
        refused_for_s = move.circuit.refuses_for_s(move.at_s)
        return Prospect(refused_for_s, as_probe=not refused_for_s and move.circuit.state is not CircuitState.CLOSED)

    def _known(self) -> Circuit:
        now_s = self._monotonic_s()
        if now_s < self._look_at_s:
            return self._circuits.known(self._name)
        self._look_at_s = now_s + FRESH_S  # before asking: other threads need not ask, too
        return self._circuits.look(self._name).circuit

    def report_success(self, generation: int, *, probe: bool) -> None:
        if probe or self._circuits.known(self._name).failed_at_s:
            tell(self._log, self._name, self._circuits.succeed(self._name, generation))

    def report_failure(self, generation: int) -> float:
        """For how many seconds nobody is admitted now."""
        move = self._circuits.fail(self._name, generation)
        tell(self._log, self._name, move)
        return move.circuit.refuses_for_s(move.at_s)


@dataclass(frozen=True, slots=True)
class Leave:
    """Leave for one call in one generation of the circuit."""

    breaker: CircuitBreaker
    generation: int
    probe: bool

    def succeeded(self) -> None:
        self.breaker.report_success(self.generation, probe=self.probe)

    def failed(self) -> float:
        return self.breaker.report_failure(self.generation)


_TOLD = {
    CircuitState.OPEN: "circuit_opened",
    CircuitState.HALF_OPEN: "circuit_half_opened",
    CircuitState.CLOSED: "circuit_closed",
}


def tell(log: Log, name: str, move: Move) -> None:
    """Announce a change of state: only the call that made it does, so it is announced once in all environments."""
    if not move.changed:
        return
    state = move.circuit.state
    say = log.warning if state is CircuitState.OPEN else log.info
    say(_TOLD[state], circuit=name, failures=len(move.circuit.failed_at_s))
    log.count(_TOLD[state])  # of all: an alarm names what it watches, and providers have names of their own
    log.count(_TOLD[state], circuit=name)
