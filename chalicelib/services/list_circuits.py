"""Tells how every circuit stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.circuit import Circuit, CircuitState, Move
from chalicelib.services.breaker import CircuitScope, SharedCircuits
from chalicelib.services.ports import Clock


@dataclass(frozen=True, slots=True)
class CircuitReport:
    """`retry_at` is when an open circuit admits a probe; `probe_until` when a probe under way is given up for lost."""

    name: str
    state: CircuitState
    scope: CircuitScope
    failures: int
    opened_at: datetime | None = None
    retry_at: datetime | None = None
    probe_until: datetime | None = None


def list_circuits(*, names: Sequence[str], circuits: SharedCircuits, clock: Clock) -> list[CircuitReport]:
    """Every circuit of this installation, in the order of the names. Never raises: without Redis it tells its own."""
    return [report_of(name, *circuits.inspect(name), now=clock()) for name in names]


def report_of(name: str, move: Move, scope: CircuitScope, *, now: datetime) -> CircuitReport:
    """The circuit in terms of the clock that everybody reads."""
    circuit = move.circuit

    def moment(at_s: float | None) -> datetime | None:
        return None if at_s is None else now + timedelta(seconds=round(at_s - move.at_s, 3))

    return CircuitReport(
        name=name,
        state=circuit.state,
        scope=scope,
        failures=len(circuit.failed_at_s),
        opened_at=moment(circuit.opened_at_s),
        retry_at=moment(_when(circuit, CircuitState.OPEN)),
        probe_until=moment(_when(circuit, CircuitState.HALF_OPEN)),
    )


def _when(circuit: Circuit, state: CircuitState) -> float | None:
    return circuit.retry_at_s if circuit.state is state else None
