"""Everything that is known of a notification: the answer to "why did this person (not) get this?"."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chalicelib.domain.notification import (
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
    """One row of a delivery's append-only history."""

    at: datetime
    event: EventName
    attempt: int
    provider: str | None
    reason: str | None
    detail: str | None
    correlation_id: str


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
    """A notification with its deliveries, in the order in which they were recorded."""

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
        attempted = any(_was_attempted(delivery) for delivery in self.deliveries)
        return notification_status([delivery.status for delivery in self.deliveries], attempted=attempted)

    @property
    def updated_at(self) -> datetime:
        return max(delivery.updated_at for delivery in self.deliveries)


def _was_attempted(delivery: TracedDelivery) -> bool:
    """Whether a worker has ever tried it. What was skipped, cancelled or expired ended without that."""
    return delivery.attempts > 0 or delivery.crashes > 0 or delivery.status in _ENDED_BY_A_WORKER
