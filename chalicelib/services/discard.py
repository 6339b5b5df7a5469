"""Discards a failure: somebody has decided that it stays failed."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.failure import Failure, FailureState
from chalicelib.errors import Conflict
from chalicelib.services.ports import Clock, ProgressMemory
from chalicelib.services.replay import require_record


class Records(Protocol):
    def find(self, failure_id: UUID) -> Failure | None: ...


class Discards(Protocol):
    def discard(self, failure_id: UUID, *, by: Actor, audit: NewAudit) -> FailureState | None: ...


@dataclass(frozen=True, slots=True)
class DiscardFailure:
    """The command."""

    failure_id: UUID
    by: Actor


def discard(
    command: DiscardFailure, *, records: Records, discards: Discards, progress: ProgressMemory, clock: Clock
) -> None:
    """Close the record for ever; its delivery stays `failed`. Repeating it changes nothing.

    Raises:
        NotFound: there is no such record.
        Conflict: it has been replayed.
    """
    record = records.find(command.failure_id)
    if record is not None and record.notification_id is not None:
        progress.forget(record.notification_id)
    audit = new_audit(command.by, "failure.discarded", f"failure:{command.failure_id}", at=clock())
    found = require_record(discards.discard(command.failure_id, by=command.by, audit=audit))
    if found is FailureState.REPLAYED:
        raise Conflict("This has been replayed.", code="failure_replayed")
