"""Accepts a notification: after this returns, it is committed, and will reach exactly one honest end.

    recall the key → compose (who, which template, which channels) → ONE transaction → publish (≤ 250 ms) → answer

Only the transaction decides. If the process dies before it, nothing exists and nobody was promised anything; after it,
`relay` publishes whatever this function no longer could.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.domain.delivery import NewNotification
from chalicelib.domain.notification import notification_status
from chalicelib.domain.request import SendNotification
from chalicelib.services.announce import announce
from chalicelib.services.compose import compose
from chalicelib.services.ports import (
    Catalog,
    Clock,
    CompiledTemplates,
    Courier,
    Notifications,
    Outbox,
    People,
    PreferencesOf,
    RequestMemory,
)
from chalicelib.services.recall import Recollection


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
    preferences_of: PreferencesOf,
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
        new = compose(
            command,
            people=people,
            preferences_of=preferences_of,
            catalog=catalog,
            compiled=compiled,
            now=clock(),
        )
        answer = answer_of(new)
        remember = None if recollection is None else recollection.request_with(answer)
        notifications.record(new, remember=remember, remember_s=remember_s)
        announce([new], outbox=outbox, courier=courier, published_at=clock())
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


def answer_of(new: NewNotification) -> Mapping[str, object]:
    """The body of the 202, as of the commit."""
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
