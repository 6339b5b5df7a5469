"""Accepts a notification: after this returns, it is committed, and will reach exactly one honest end.

    recall the key → compose (who, which template, which channels) → ONE transaction → publish (≤ 250 ms) → answer

Only the transaction decides. If the process dies before it, nothing exists and nobody was promised anything; after it,
`relay` publishes whatever this function no longer could.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.delivery import NewNotification, Waiting
from chalicelib.domain.messages import dispatch_of
from chalicelib.domain.notification import Status, notification_status
from chalicelib.domain.request import SendNotification
from chalicelib.errors import DatabaseUnavailable
from chalicelib.services.compose import compose
from chalicelib.services.ports import (
    Catalog,
    Clock,
    CompiledTemplates,
    Courier,
    Notifications,
    Outbox,
    People,
    RequestMemory,
)
from chalicelib.services.recall import Recollection

PUBLISH_TIMEOUT_S = 0.25


@dataclass(frozen=True, slots=True)
class Accepted:
    """The promise. `answer` is the body of the 202 as of the commit, the same for every replay of the same key."""

    answer: Mapping[str, object]
    replayed: bool = False

    @property
    def notification_id(self) -> str:
        return str(self.answer["notification_id"])


def accept(
    command: SendNotification,
    *,
    memory: RequestMemory,
    people: People,
    catalog: Catalog,
    compiled: CompiledTemplates,
    notifications: Notifications,
    outbox: Outbox,
    courier: Courier,
    clock: Clock,
    remember_s: int,
) -> Accepted:
    """Commit the notification, try to publish it, and answer.

    Raises:
        InvalidRequest: the user, the template or a channel does not exist, variables are missing, or the idempotency
            key was used for another request. Nothing was stored.
        RequestInProgress: a request with the same key is being handled. Nothing was stored by this one.
        DatabaseUnavailable: no promise can be given.
    """

    def commit(recollection: Recollection | None) -> Mapping[str, object]:
        new = compose(command, people=people, catalog=catalog, compiled=compiled, now=clock())
        answer = _answer(new)
        remember = None if recollection is None else recollection.request_with(answer)
        notifications.record(new, remember=remember, remember_s=remember_s)
        _publish(new, outbox=outbox, courier=courier, published_at=clock())
        return answer

    if command.idempotency is None:
        return Accepted(commit(None))
    recollection = Recollection(
        command.client_id,
        command.idempotency,
        memory=memory,
        notifications=notifications,
        remember_s=remember_s,
    )
    earlier = recollection.begin()
    if earlier is not None:
        return Accepted(earlier.answer, replayed=True)
    try:
        answer = commit(recollection)
    except BaseException:
        recollection.abandon()
        raise
    recollection.keep(answer)
    return Accepted(answer)


def _answer(new: NewNotification) -> Mapping[str, object]:
    statuses = [delivery.status for delivery in new.deliveries]
    return {
        "notification_id": str(new.notification_id),
        "status": str(notification_status(statuses, attempted=False)),
        "correlation_id": new.correlation_id,
        "deliveries": [
            {"delivery_id": str(delivery.delivery_id), "channel": str(delivery.channel), "status": str(delivery.status)}
            | ({"reason": str(delivery.reason)} if delivery.reason else {})
            for delivery in new.deliveries
        ],
    }


def _publish(new: NewNotification, *, outbox: Outbox, courier: Courier, published_at: datetime) -> None:
    """A hurry, not a duty: what is not confirmed or not noted in time, `relay` finds."""
    waiting = [
        Waiting(delivery.delivery_id, new.notification_id, delivery.channel, delivery.lane, 1, new.correlation_id)
        for delivery in new.deliveries
        if delivery.status is Status.ACCEPTED
    ]
    if not waiting:
        return
    dispatches = [dispatch_of(row.message(published_at=published_at), lane=row.lane) for row in waiting]
    taken = courier.publish(dispatches, timeout_s=PUBLISH_TIMEOUT_S)
    if taken:
        try:
            outbox.mark_queued([waiting[index] for index in sorted(taken)], published_at=published_at)
        except DatabaseUnavailable:
            return  # the promise is committed, and its wake_at stands
