"""The words of a notification and the states of its deliveries.

scheduled → accepted → queued → sending → sent
                         ↑         ├→ retrying ─→ queued      attempt n failed, the next is due at wake_at
                         │         ├→ deferred ─→ queued      not counted as an attempt
                         └─────────┴→ failed → queued         by replay
skipped, expired, cancelled: ended without a provider call
"""

from collections.abc import Collection, Mapping
from enum import StrEnum


class Channel(StrEnum):
    EMAIL = "email"
    PUSH = "push"


class Priority(StrEnum):
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


def lane_of(channel: Channel, priority: Priority) -> str:
    """The lane a delivery travels in: bulk has its own, so that it never stands in the way of the rest."""
    return f"{channel}.bulk" if priority is Priority.LOW else str(channel)


class Platform(StrEnum):
    IOS = "ios"
    ANDROID = "android"
    WEB = "web"


class Status(StrEnum):
    """The state of one delivery."""

    SCHEDULED = "scheduled"
    ACCEPTED = "accepted"
    QUEUED = "queued"
    SENDING = "sending"
    RETRYING = "retrying"
    DEFERRED = "deferred"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class EventName(StrEnum):
    """What an event row can say: a state was entered, or something happened beside the machine."""

    SCHEDULED = Status.SCHEDULED
    ACCEPTED = Status.ACCEPTED
    QUEUED = Status.QUEUED
    SENDING = Status.SENDING
    RETRYING = Status.RETRYING
    DEFERRED = Status.DEFERRED
    SENT = Status.SENT
    FAILED = Status.FAILED
    SKIPPED = Status.SKIPPED
    EXPIRED = Status.EXPIRED
    CANCELLED = Status.CANCELLED
    LEASE_ENDED = "lease_ended"
    OUTCOME_LATE = "outcome_late"
    DEVICE_REMOVED = "device_removed"
    REPUBLISHED = "republished"
    CANCEL_REQUESTED = "cancel_requested"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class SkipReason(StrEnum):
    OPTED_OUT = "opted_out"
    NO_ADDRESS = "no_address"
    NO_DEVICE = "no_device"
    ERASED = "erased"


class HoldReason(StrEnum):
    """Why an open delivery waits for a time, beside the request's own wish."""

    QUIET_HOURS = "quiet_hours"


WAITING = frozenset({Status.SCHEDULED, Status.ACCEPTED, Status.QUEUED, Status.RETRYING, Status.DEFERRED})
"""Open and in nobody's hands: a worker whose message bears the row's ticket may claim it."""

OPEN = WAITING | {Status.SENDING}
TERMINAL = frozenset(Status) - OPEN

_UNATTEMPTED = frozenset({Status.SCHEDULED, Status.ACCEPTED, Status.QUEUED})
_WORST_FIRST = (Status.FAILED, Status.EXPIRED, Status.CANCELLED, Status.SKIPPED)


class NotificationStatus(StrEnum):
    SCHEDULED = "scheduled"
    ACCEPTED = "accepted"
    PROCESSING = "processing"
    SENT = "sent"
    PARTIAL = "partial"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


def notification_status(deliveries: Collection[Status], *, attempted: bool) -> NotificationStatus:
    """The one status of a notification, from those of its deliveries (at least one).

    `attempted` tells whether any delivery has been claimed or tried yet: a delivery that went back to the queue after a
    failed attempt still reads `queued`.
    """
    opened = [status for status in deliveries if status in OPEN]
    if opened:
        return _while_open(opened, attempted=attempted)
    counted = [status for status in deliveries if status is not Status.SKIPPED]
    sent = counted.count(Status.SENT)
    if sent:
        return NotificationStatus.SENT if sent == len(counted) else NotificationStatus.PARTIAL
    return next(NotificationStatus(status) for status in _WORST_FIRST if status in deliveries)


_CLOSED_BADLY = frozenset({Status.FAILED, Status.EXPIRED, Status.CANCELLED})
_SEEN_IN: Mapping[NotificationStatus, frozenset[Status]] = {
    NotificationStatus.SCHEDULED: frozenset({Status.SCHEDULED}),
    NotificationStatus.ACCEPTED: frozenset({Status.ACCEPTED, Status.QUEUED}),
    NotificationStatus.PROCESSING: OPEN - {Status.SCHEDULED},
    NotificationStatus.SENT: frozenset({Status.SENT}),
    NotificationStatus.PARTIAL: _CLOSED_BADLY,
    NotificationStatus.FAILED: frozenset({Status.FAILED}),
    NotificationStatus.EXPIRED: frozenset({Status.EXPIRED}),
    NotificationStatus.CANCELLED: frozenset({Status.CANCELLED}),
    NotificationStatus.SKIPPED: frozenset({Status.SKIPPED}),
}


def states_within(status: NotificationStatus) -> frozenset[Status]:
    """Of a notification with this status, at least one delivery is in one of these states."""
    return _SEEN_IN[status]


def _while_open(opened: Collection[Status], *, attempted: bool) -> NotificationStatus:
    if all(status is Status.SCHEDULED for status in opened):
        return NotificationStatus.SCHEDULED
    if not attempted and all(status in _UNATTEMPTED for status in opened):
        return NotificationStatus.ACCEPTED
    return NotificationStatus.PROCESSING
