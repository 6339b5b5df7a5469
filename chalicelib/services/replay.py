"""Replays one failure: its delivery, with the identifier it has, begins anew.

    what is it now → which content → ONE transaction → publish (≤ 250 ms) → answer

Only the transaction decides. If the process dies before it, nothing has changed; after it, `relay` publishes whatever
this function no longer could.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.delivery import Waiting
from chalicelib.domain.failure import FailedDelivery, Obstacle, Replay, Replayable
from chalicelib.domain.messages import dispatch_of
from chalicelib.domain.notification import Status
from chalicelib.errors import Conflict, DatabaseUnavailable, NotFound
from chalicelib.services.announce import PUBLISH_TIMEOUT_S
from chalicelib.services.choose_current import CurrentTemplates
from chalicelib.services.ports import Clock, Courier, ProgressMemory

FoundT = TypeVar("FoundT")

_REFUSALS = {
    Obstacle.UNREADABLE: "This is a message without a delivery: there is nothing to send.",
    Obstacle.DISCARDED: "This was discarded.",
    Obstacle.EXPIRED: "The notification's expires_at has passed.",
    Obstacle.ERASED: "The person whom this was for has been erased.",
    Obstacle.GONE: "The delivery is past its retention.",
}


class Replays(Protocol):
    def find(self, failure_id: UUID) -> Replayable | None: ...

    def replay(self, wanted: Sequence[Replay], *, by: Actor, audit: NewAudit) -> Sequence[Replayable]: ...

    def note_published(self, waiting: Waiting, *, published_at: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class ReplayFailure:
    """The command. Without `use_current_template` it says what it would have said."""

    failure_id: UUID
    by: Actor
    use_current_template: bool = False


@dataclass(frozen=True, slots=True)
class Replayed:
    """The delivery, and its status: `queued`, or, when it was replayed before, what has become of it since."""

    delivery_id: UUID
    status: Status


def replay(
    command: ReplayFailure,
    *,
    replays: Replays,
    current: CurrentTemplates,
    progress: ProgressMemory,
    courier: Courier,
    clock: Clock,
) -> Replayed:
    """Bring the delivery back: attempts and crashes begin at nought. Repeating it changes nothing.

    Raises:
        NotFound: there is no such record.
        Conflict: it is discarded, or of a message without a delivery, or the delivery is expired, erased or gone.
        InvalidRequest: the current template was asked for, and cannot be used.
        DatabaseUnavailable: it is not known whether it was replayed; repeating it is right.
    """
    found = require_record(replays.find(command.failure_id))
    if found.failed is None:
        return _as_it_is(found)
    wanted = _wanted(command, found.failed, current)
    progress.forget(wanted.notification_id)
    audit = new_audit(
        command.by,
        "failure.replayed",
        f"failure:{command.failure_id}",
        at=clock(),
        delivery_id=str(wanted.delivery_id),
        template_version=wanted.content.version if wanted.content else None,
    )
    (found,) = replays.replay([wanted], by=command.by, audit=audit) or [replace(found, delivery=None)]
    if found.failed is None:
        return _as_it_is(found)  # somebody else was quicker
    waiting = found.failed.waiting
    _publish(replace(waiting, ticket=waiting.ticket + 1), replays=replays, courier=courier, published_at=clock())
    return Replayed(waiting.delivery_id, Status.QUEUED)


def require_record(found: FoundT | None) -> FoundT:
    """What was found of a record. Raises: NotFound."""
    if found is None:
        raise NotFound("There is no such failure.")
    return found


def _wanted(command: ReplayFailure, failed: FailedDelivery, current: CurrentTemplates) -> Replay:
    return Replay(
        failure_id=command.failure_id,
        delivery_id=failed.waiting.delivery_id,
        notification_id=failed.waiting.notification_id,
        content=current.choose(failed) if command.use_current_template else None,
    )


def _as_it_is(found: Replayable) -> Replayed:
    """What a repetition answers. Raises: Conflict."""
    if found.obstacle is not None:
        raise Conflict(_REFUSALS[found.obstacle], code=f"failure_{found.obstacle}")
    if found.delivery is None:
        raise Conflict(_REFUSALS[Obstacle.GONE], code=f"failure_{Obstacle.GONE}")
    return Replayed(found.delivery.waiting.delivery_id, found.delivery.status)


def _publish(waiting: Waiting, *, replays: Replays, courier: Courier, published_at: datetime) -> None:
    """A hurry, not a duty: what is not confirmed or not noted in time, `relay` finds."""
    dispatch = dispatch_of(waiting.message(published_at=published_at), lane=waiting.lane)
    if not courier.publish([dispatch], timeout_s=PUBLISH_TIMEOUT_S):
        return
    try:
        replays.note_published(waiting, published_at=published_at)
    except DatabaseUnavailable:
        return  # a void copy more; what is replayed is replayed
