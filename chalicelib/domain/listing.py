"""Which notifications a list shows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chalicelib.domain.notification import Channel, NotificationStatus
from chalicelib.domain.trace import TracedDelivery, TracedNotification, status_of


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    """What is not None must hold; `since` is inclusive, `until` exclusive, and both are about `created_at`."""

    user_id: UUID | None = None
    template_code: str | None = None
    status: NotificationStatus | None = None
    channel: Channel | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def asks_of_deliveries(self) -> bool:
        """Whether no row tells of itself that it belongs to the list: its deliveries have to be looked at."""
        return self.status is not None or self.channel is not None

    def admits(self, deliveries: Collection[TracedDelivery]) -> bool:
        """Whether a notification with these deliveries has the status, and uses the channel."""
        if not deliveries:
            return False  # retention is on its way through it
        if self.channel is not None and all(delivery.channel is not self.channel for delivery in deliveries):
            return False
        return self.status is None or status_of(deliveries) is self.status


@dataclass(frozen=True, slots=True)
class Candidates:
    """Notifications that may belong to a page, newest first, and how far the search for them went.

    `last` is the last row that was looked at; None when there are no more to look at.
    """

    ids: tuple[UUID, ...]
    last: UUID | None


@dataclass(frozen=True, slots=True)
class ListedNotification:
    """A notification whose deliveries bear no events. `stored_bytes` is the size of its variables and metadata."""

    notification: TracedNotification
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class NotificationPage:
    """One page. The next begins before `next_before`; None when this is the last."""

    notifications: tuple[TracedNotification, ...]
    next_before: UUID | None
