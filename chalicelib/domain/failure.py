"""What nobody could deliver, and what may become of it: it is replayed, or discarded, or it stays as it is."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from chalicelib.domain.delivery import Waiting
from chalicelib.domain.notification import Channel, Status


class FailureReason(StrEnum):
    """Why something ended in the archive.

    `address_rejected`, `device_unregistered`, `message_refused`: a provider will never take this recipient, device or
    content. `render_failed`: the template cannot be rendered with these variables. `retries_exhausted`: every attempt
    failed for a reason that might have passed; the detail names it. `crashed`: functions died with it in hand, three
    times. `malformed_message`, `unknown_delivery`: a message in a queue that cannot be read, or that names no delivery.
    `delivery_failed`: for a reason that this version has no word for.
    """

    ADDRESS_REJECTED = "address_rejected"
    DEVICE_UNREGISTERED = "device_unregistered"
    MESSAGE_REFUSED = "message_refused"
    RENDER_FAILED = "render_failed"
    RETRIES_EXHAUSTED = "retries_exhausted"
    CRASHED = "crashed"
    MALFORMED_MESSAGE = "malformed_message"
    UNKNOWN_DELIVERY = "unknown_delivery"
    DELIVERY_FAILED = "delivery_failed"


OF_MESSAGES = frozenset({FailureReason.MALFORMED_MESSAGE, FailureReason.UNKNOWN_DELIVERY})
"""The reasons that a message without a delivery can have."""


def reason_of(stored: str) -> FailureReason:
    """The reason that is stored; what another version has written counts as `delivery_failed`."""
    return FailureReason(stored) if stored in set(FailureReason) else FailureReason.DELIVERY_FAILED


class FailureState(StrEnum):
    """`failed` waits for somebody to decide; the other two are for ever."""

    FAILED = "failed"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class Obstacle(StrEnum):
    """Why a record cannot be replayed.

    `unreadable`: it is of a message without a delivery. `discarded`: somebody decided so. `expired`: the notification's
    `expires_at` has passed. `erased`: the person it was for was erased. `gone`: the delivery is past its retention.
    """

    UNREADABLE = "unreadable"
    DISCARDED = "discarded"
    EXPIRED = "expired"
    ERASED = "erased"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Failure:
    """One record of the archive. `detail` is for people; '' when there is nothing to tell, or nothing may be told."""

    failure_id: UUID
    state: FailureState
    reason: FailureReason
    detail: str
    provider: str | None
    provider_code: str | None
    delivery_id: UUID | None
    notification_id: UUID | None
    channel: Channel | None
    template_code: str | None
    queue: str
    correlation_id: str | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class FailedDelivery:
    """The delivery behind a record as it is now; `waiting` is what its next message would say, but for the ticket.

    `template_version` and `locale` are those it would be sent with; `wanted_locale` and `variable_names` are of
    what the notification asked for.
    """

    waiting: Waiting
    status: Status
    template_code: str
    template_version: int
    locale: str
    wanted_locale: str
    expired: bool
    erased: bool
    variable_names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Replayable:
    """A record and what is behind it at one moment: enough to tell whether it can be replayed.

    `delivery` is None when there is none, or none any more.
    """

    failure_id: UUID
    state: FailureState
    delivery_id: UUID | None
    delivery: FailedDelivery | None

    @property
    def obstacle(self) -> Obstacle | None:
        """Why a replay is refused. What has been replayed is not refused: nothing is done again."""
        if self.delivery_id is None:
            return Obstacle.UNREADABLE
        if self.state is FailureState.DISCARDED:
            return Obstacle.DISCARDED
        if self.delivery is None:
            return Obstacle.GONE
        if self.state is FailureState.REPLAYED:
            return Obstacle.EXPIRED if self.delivery.status is Status.EXPIRED else None
        if self.delivery.erased:
            return Obstacle.ERASED
        return Obstacle.EXPIRED if self.delivery.expired else None

    @property
    def failed(self) -> FailedDelivery | None:
        """The delivery that a replay brings back; None when a replay changes nothing."""
        waits = self.state is FailureState.FAILED and self.obstacle is None
        return self.delivery if waits and self.delivery and self.delivery.status is Status.FAILED else None


@dataclass(frozen=True, slots=True)
class Unread:
    """The beginning of a message that nobody could read; `size_bytes` is of all of it."""

    body: bytes = field(repr=False)
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ChosenContent:
    """A template's version, and which of its languages."""

    version: int
    locale: str


@dataclass(frozen=True, slots=True)
class Replay:
    """That a record shall be replayed, `delay_s` from now, with other content or with that which it had."""

    failure_id: UUID
    delivery_id: UUID
    notification_id: UUID
    content: ChosenContent | None = None
    delay_s: float | None = None
    """None: at once."""


@dataclass(frozen=True, slots=True)
class FailureFilter:
    """What is not None must hold; `since` is inclusive, `until` exclusive, and both are about when it failed."""

    state: FailureState = FailureState.FAILED
    channel: Channel | None = None
    reason: FailureReason | None = None
    template_code: str | None = None
    notification_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the order of the records: by the time of the failure, then by identifier."""

    at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class FailurePage:
    """One page, newest first. The next begins before `next_before`; None when this is the last."""

    failures: tuple[Failure, ...]
    next_before: Position | None
