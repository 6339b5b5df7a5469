"""What passes between the steps of a delivery's life: recorded, claimed, settled, brought back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chalicelib.domain.messages import DeliveryMessage, compose_message
from chalicelib.domain.notification import Channel, HoldReason, Priority, SkipReason, Status
from chalicelib.domain.recipient import TargetReference

Variables = Mapping[str, object]
"""Values of a template's variables: JSON, as the request gave it."""

PUBLISH_OVERDUE_S = 5
"""An accepted row whose message was not confirmed this long after its commit is published by relay."""

QUEUED_WATCH_S = 60
"""How long a queued row is left alone before relay asks whether its message still exists."""


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery about to be recorded: `accepted`, `scheduled` or `skipped`."""

    delivery_id: UUID
    channel: Channel
    lane: str
    locale: str
    reference: TargetReference
    status: Status
    reason: SkipReason | HoldReason | None = None
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewNotification:
    """A notification about to be recorded with its deliveries, in one transaction."""

    notification_id: UUID
    client_id: str
    user_id: UUID | None
    recipient_name: str | None
    template_code: str
    template_version: int
    category: str | None
    priority: Priority
    locale: str
    variables: Variables
    metadata: Mapping[str, object]
    correlation_id: str
    send_at: datetime | None
    expires_at: datetime | None
    deliveries: tuple[NewDelivery, ...]


@dataclass(frozen=True, slots=True)
class RememberedRequest:
    """What an idempotency key stands for: the hash of its request and the answer that was given to it."""

    key: str
    request_hash: bytes
    answer: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A notification and, when its request had an idempotency key, what the key shall stand for from now on."""

    notification: NewNotification
    remember: RememberedRequest | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in this worker's hands until its lease ends. `ticket` fences the settle; `attempt` is 1-based."""

    delivery_id: UUID
    notification_id: UUID
    channel: Channel
    lane: str
    ticket: int
    attempt: int
    crashes: int
    reference: TargetReference
    user_id: UUID | None
    template_code: str
    template_version: int
    locale: str
    variables: Variables
    correlation_id: str
    expired: bool
    expires_at: datetime | None = None
    category: str | None = None
    priority: Priority = Priority.NORMAL
    deferrals: int = 0
    """How often in a row it was deferred since its last attempt."""

    @property
    def message_source(self) -> "Waiting":
        """What its next message says: the claim's own ticket, which stays the row's until it is claimed again."""
        return Waiting(
            delivery_id=self.delivery_id,
            notification_id=self.notification_id,
            channel=self.channel,
            lane=self.lane,
            ticket=self.ticket,
            correlation_id=self.correlation_id,
        )


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a claimed delivery ends this turn.

    `wake_after_s` is set exactly when it stays open; `retry_in_s` when a wait queue shall bring it back before that.
    A deferral that is `counted` is one of perhaps many in a row, which share one event.
    """

    claimed: Claimed
    status: Status
    attempts: int
    reason: str | None = None
    detail: str | None = None
    provider: str | None = None
    provider_code: str | None = None
    provider_message_id: str | None = None
    wake_after_s: float | None = None
    retry_in_s: int | None = None
    device_removed: bool = False
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open row that a message shall be published for."""

    delivery_id: UUID
    notification_id: UUID
    channel: Channel
    lane: str
    ticket: int
    correlation_id: str

    def message(self, *, published_at: datetime) -> DeliveryMessage:
        return compose_message(
            delivery_id=self.delivery_id,
            notification_id=self.notification_id,
            channel=self.channel,
            ticket=self.ticket,
            correlation_id=self.correlation_id,
            published_at=published_at,
        )


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that ends in the archive because no row can be found for it."""

    queue: str
    reason: str
    detail: str
    body: bytes = field(repr=False)
    message_id: str | None
    correlation_id: str | None
