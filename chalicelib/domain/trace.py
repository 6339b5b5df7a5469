"""Everything that is known of a notification: the answer to "why did this person (not) get this?"."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chalicelib.domain.notification import (
    TERMINAL,
    Channel,
    EventName,
    NotificationStatus,
    Priority,
    Status,
    notification_status,
)

_ENDED_BY_A_WORKER = frozenset({Status.SENT, Status.FAILED})


@dataclass(frozen=True, slots=True)
class TracedEvent:
    """One row of a delivery's append-only history.

    One that happened several times in a row is told once: `count` times, first `at`, and last at `last_at`.
    """

    at: datetime
    event: EventName
    attempt: int
    provider: str | None
    reason: str | None
    detail: str | None
    correlation_id: str
    count: int = 1
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TracedDelivery:
    """A delivery as it stands. `wake_at` is when somebody looks at it next, for as long as it is open."""

    delivery_id: UUID
    channel: Channel
    locale: str
    status: Status
    reason: str | None
    attempts: int
    crashes: int
    provider: str | None
    provider_message_id: str | None
    wake_at: datetime | None
    created_at: datetime
    updated_at: datetime
    events: tuple[TracedEvent, ...] = ()

    @property
    def next_attempt_at(self) -> datetime | None:
        """When the next attempt is due: known only of a delivery that waits for a time, not for a queue."""
        timed = (Status.SCHEDULED, Status.RETRYING, Status.DEFERRED)
        return self.wake_at if self.status in timed else None


@dataclass(frozen=True, slots=True)
class TracedNotification:
    """A notification with its deliveries by channel and identifier.

    `created_at` is the moment of its identifier, by which lists are ordered and filtered.
    """

    notification_id: UUID
    client_id: str
    user_id: UUID | None
    recipient_name: str | None
    template_code: str
    template_version: int
    category: str | None
    priority: Priority
    locale: str
    variables: Mapping[str, object]
    metadata: Mapping[str, object]
    correlation_id: str
    send_at: datetime | None
    expires_at: datetime | None
    created_at: datetime
    deliveries: tuple[TracedDelivery, ...]

    @property
    def status(self) -> NotificationStatus:
        return status_of(self.deliveries)

    @property
    def updated_at(self) -> datetime:
        return max(self.created_at, *(delivery.updated_at for delivery in self.deliveries))

    @property
    def ended(self) -> bool:
        """Whether nothing changes any more, unless somebody replays a delivery that failed."""
        return all(delivery.status in TERMINAL for delivery in self.deliveries)


def status_of(deliveries: Collection[TracedDelivery]) -> NotificationStatus:
    """The one status of the notification that these are all the deliveries of."""
    attempted = any(_was_attempted(delivery) for delivery in deliveries)
    return notification_status([delivery.status for delivery in deliveries], attempted=attempted)


def _was_attempted(delivery: TracedDelivery) -> bool:
    """Whether a worker has ever tried it. What was skipped, cancelled or expired ended without that."""
    return delivery.attempts > 0 or delivery.crashes > 0 or delivery.status in _ENDED_BY_A_WORKER
