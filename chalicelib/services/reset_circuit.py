"""Closes a circuit because a person says so."""

from collections.abc import Collection
from typing import Protocol

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.errors import DatabaseUnavailable, NotFound
from chalicelib.services.breaker import SharedCircuits, tell
from chalicelib.services.list_circuits import CircuitReport, report_of
from chalicelib.services.ports import Clock, Log


class CircuitTrail(Protocol):
    def write(self, entry: NewAudit) -> None: ...


def reset_circuit(
    name: str,
    *,
    by: Actor,
    names: Collection[str],
    circuits: SharedCircuits,
    trail: CircuitTrail,
    clock: Clock,
    log: Log,
) -> CircuitReport:
    """Close it for everybody, and write down who did. Repeating it is harmless.

    The circuit may be the audit trail's own: a reset holds also when its entry cannot be written, and the log tells.

    Raises:
        NotFound: there is no such circuit.
    """
    if name not in names:
        raise NotFound("There is no such circuit.")
    move, scope = circuits.reset(name)
    tell(log, name, move)
    log.info("circuit_reset", circuit=name, actor=by.name, correlation_id=by.correlation_id)
    try:
        trail.write(new_audit(by, "circuit.reset", f"circuit:{name}", at=clock()))
    except DatabaseUnavailable:
        log.error(  # noqa: TRY400  that the database is away needs no stack
            "circuit_reset_not_audited", circuit=name, actor=by.name, correlation_id=by.correlation_id
        )
    return report_of(name, move, scope, now=clock())
