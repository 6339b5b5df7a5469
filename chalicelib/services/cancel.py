"""Cancels a notification: what waits is stopped; what is being sent ends with the attempt under way."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.trace import TracedNotification
from chalicelib.errors import Conflict
from chalicelib.services.ports import Clock, ProgressMemory, Traces
from chalicelib.services.trace import require_found


class Cancellations(Protocol):
    def cancel(self, notification_id: UUID, *, by: Actor, audit: NewAudit) -> int: ...


@dataclass(frozen=True, slots=True)
class Cancel:
    """The command."""

    notification_id: UUID
    by: Actor


def cancel(
    command: Cancel, *, cancellations: Cancellations, traces: Traces, progress: ProgressMemory, clock: Clock
) -> TracedNotification:
    """The notification after at least one of its deliveries was stopped.

    A delivery that a worker is sending at this moment is marked in any case: its attempt is the last one, and if it
    does not succeed, the delivery is cancelled then.

    Raises:
        NotFound: there is no such notification.
        Conflict: nothing could be stopped.
    """
    notification_id = command.notification_id
    require_found(traces.find_head(notification_id))
    progress.forget(notification_id)
    audit = new_audit(command.by, "notification.cancelled", f"notification:{notification_id}", at=clock())
    stopped = cancellations.cancel(notification_id, by=command.by, audit=audit)
    if not stopped:
        raise Conflict(
            "Nothing can be stopped any more. What is being sent at this moment is not tried again.",
            code="nothing_to_cancel",
        )
    return require_found(traces.find(notification_id))
