"""The collaborators of the core in memory, with the state that tests assert on, and a way to let a call die."""

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from chalicelib.domain.backflow import LaneKnowledge, Reviewed
from chalicelib.domain.content import Content, EmailContent, PushContent
from chalicelib.domain.delivery import (
    PUBLISH_OVERDUE_S,
    QUEUED_WATCH_S,
    Claimed,
    NewNotification,
    NewRecord,
    RememberedRequest,
    Settlement,
    Unreadable,
    Waiting,
)
from chalicelib.domain.identity import new_id, sibling_id
from chalicelib.domain.messages import Dispatch
from chalicelib.domain.notification import WAITING, Channel, Priority, Status
from chalicelib.domain.preferences import DEFAULT_PREFERENCES, Preferences
from chalicelib.domain.recipient import EmailTarget, TargetReference
from chalicelib.domain.template import CompiledTemplate, compile_content
from chalicelib.domain.trace import TracedDelivery
from chalicelib.errors import BrokerUnavailable, CacheUnavailable, DatabaseUnavailable, RequestInProgress

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
EMAIL = EmailContent(locale="en", subject="Hello {{ name }}", html="<p>Hello {{ name }}</p>")
PUSH = PushContent(locale="en", title="Hello {{ name }}", body="Here is {{ what }}")


class Died(BaseException):
    """The process ends here: nothing that handles errors sees it coming."""


@dataclass
class ManualClock:
    """Time that passes when a test says so."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class Faulty:
    """A collaborator whose named call raises, before or after it has had its effect."""

    def __init__(self, inner: object, call: str, error: BaseException, *, effect: bool) -> None:
        self._inner = inner
        self._call = call
        self._error = error
        self._effect = effect

    def __getattr__(self, name: str) -> Any:  # Any: whatever the collaborator has
        real = getattr(self._inner, name)
        return self._raising(real) if name == self._call else real

    def __call__(self, *args: object) -> Any:  # Any: what the collaborator answers
        return self._raising(self._inner)(*args)

    def _raising(self, real: Any) -> Callable[..., Any]:  # Any: as above
        def call(*args: object, **kwargs: object) -> object:
            if self._effect:
                real(*args, **kwargs)
            raise self._error

        return call


@dataclass
class RecordingLog:
    lines: list[tuple[str, str]] = field(default_factory=list)

    def info(self, message: str, **fields: object) -> None:
        self.lines.append(("info", message))

    def warning(self, message: str, **fields: object) -> None:
        self.lines.append(("warning", message))

    def error(self, message: str, **fields: object) -> None:
        self.lines.append(("error", message))

    def count(self, metric: str, value: int = 1, **dimensions: str) -> None: ...


@dataclass
class FakeCourier:
    """Takes over what goes to a routable destination, up to `most` a call; nothing while it is down."""

    up: bool = True
    most: int = 1_000_000
    unroutable: frozenset[str] = frozenset()
    taken: list[Dispatch] = field(default_factory=list)
    ready: dict[str, int] = field(default_factory=dict)

    def publish(self, dispatches: Sequence[Dispatch], *, timeout_s: float) -> frozenset[int]:
        if not self.up:
            return frozenset()
        routed = [index for index, one in enumerate(dispatches) if one.destination not in self.unroutable]
        self.taken += [dispatches[index] for index in routed[: self.most]]
        return frozenset(routed[: self.most])

    def count_ready(self, lane: str, *, timeout_s: float) -> int:
        if not self.up:
            raise BrokerUnavailable("down")
        return self.ready.get(lane, 0)


@dataclass
class FakeMemory:
    """Keeps the promises of the Redis memory of idempotency keys."""

    clock: Callable[[], datetime] = field(default_factory=ManualClock)
    up: bool = True
    under_way_s: float = 30
    markers: dict[tuple[str, str], tuple[bytes, str, datetime]] = field(default_factory=dict)
    answers: dict[tuple[str, str], tuple[RememberedRequest, datetime]] = field(default_factory=dict)

    def begin(self, client_id: str, key: str, *, request_hash: bytes, owner: str) -> RememberedRequest | None:
        self._require()
        name = client_id, key
        if name in self.answers:
            return self.answers[name][0]
        if name in self.markers:
            raise RequestInProgress("under way", retry_after_s=1)
        self.markers[name] = request_hash, owner, self.clock() + timedelta(seconds=self.under_way_s)
        return None

    def remember(self, client_id: str, request: RememberedRequest, *, for_s: int) -> None:
        self._require()
        self.markers.pop((client_id, request.key), None)
        self.answers[client_id, request.key] = request, self.clock() + timedelta(seconds=for_s)

    def abandon(self, client_id: str, key: str, *, request_hash: bytes, owner: str) -> None:
        self._require()
        if self.markers.get((client_id, key), (b"", ""))[:2] == (request_hash, owner):
            del self.markers[client_id, key]

    def _require(self) -> None:
        if not self.up:
            raise CacheUnavailable("down")
        now = self.clock()
        self.markers = {name: marker for name, marker in self.markers.items() if marker[2] > now}
        self.answers = {name: answer for name, answer in self.answers.items() if answer[1] > now}


@dataclass(frozen=True)
class Row:
    """A delivery's row, as far as the outbox looks at it."""

    waiting: Waiting
    status: Status
    wake_at: datetime | None


@dataclass
class Ledger:
    """The notifications' store and its outbox, over one state."""

    clock: ManualClock = field(default_factory=ManualClock)
    recorded: dict[UUID, NewNotification] = field(default_factory=dict)
    keys: dict[tuple[str, str], RememberedRequest] = field(default_factory=dict)
    rows: dict[UUID, Row] = field(default_factory=dict)
    asked_for_lost: list[list[str]] = field(default_factory=list)
    ended_within: list[list[str]] = field(default_factory=list)

    def record_all(self, new: Sequence[NewRecord], *, remember_s: int) -> frozenset[UUID]:
        recorded = set()
        for one in new:
            with contextlib.suppress(RequestInProgress):
                self.record(one.notification, remember=one.remember, remember_s=remember_s)
                recorded.add(one.notification.notification_id)
        return frozenset(recorded)

    def find_all_remembered(self, client_id: str, keys: Collection[str]) -> Mapping[str, RememberedRequest]:
        found = {key: self.find_remembered(client_id, key) for key in keys}
        return {key: remembered for key, remembered in found.items() if remembered is not None}

    def record(self, new: NewNotification, *, remember: RememberedRequest | None, remember_s: int) -> None:
        if remember is not None:
            if (new.client_id, remember.key) in self.keys:
                raise RequestInProgress("taken", retry_after_s=1)
            self.keys[new.client_id, remember.key] = remember
        self.recorded[new.notification_id] = new
        overdue = self.clock() + timedelta(seconds=PUBLISH_OVERDUE_S)
        for one in new.deliveries:
            waiting = Waiting(
                one.delivery_id, new.notification_id, one.channel, one.lane, 1, correlation_id=new.correlation_id
            )
            wake_at = None if one.status is Status.SKIPPED else one.wake_at or overdue
            self.rows[one.delivery_id] = Row(waiting, one.status, wake_at)

    def find_remembered(self, client_id: str, key: str) -> RememberedRequest | None:
        return self.keys.get((client_id, key))

    def take_due(self, *, limit: int, full_lanes: Collection[str] = ()) -> list[Waiting]:
        now = self.clock()
        due = [
            row
            for row in self.rows.values()
            if row.wake_at is not None and row.wake_at <= now and row.status is not Status.QUEUED
            if row.waiting.lane not in full_lanes
        ][:limit]
        for row in due:
            self.rows[row.waiting.delivery_id] = replace(row, wake_at=now + timedelta(seconds=30))
        return [row.waiting for row in due]

    def find_overdue_lanes(self) -> list[str]:
        now = self.clock()
        overdue = (row for row in self.rows.values() if row.wake_at is not None and row.wake_at <= now)
        return sorted({row.waiting.lane for row in overdue if row.status is Status.QUEUED})

    def end_within(self, full_lanes: Collection[str], *, limit: int) -> None:
        self.ended_within.append(sorted(full_lanes))

    def take_lost(self, *, among: LaneKnowledge, limit: int) -> Reviewed:
        self.asked_for_lost.append(sorted(among.empty))
        lost = [row.waiting for row in self.rows.values() if row.waiting.lane in among.empty]
        return Reviewed(lost[:limit], is_last=len(lost) <= limit)

    def mark_queued(self, published: Sequence[Waiting], *, published_at: datetime) -> None:
        watch = self.clock() + timedelta(seconds=QUEUED_WATCH_S)
        for one in published:
            row = self.rows[one.delivery_id]
            if row.waiting.ticket == one.ticket and row.status in WAITING:
                self.rows[one.delivery_id] = replace(row, status=Status.QUEUED, wake_at=watch)


@dataclass
class FakeSettlements:
    """Settles every claim but those whose ticket is void."""

    void: frozenset[UUID] = frozenset()
    cancelled: frozenset[UUID] = frozenset()
    errors: list[Exception] = field(default_factory=list)
    batches: list[list[Settlement]] = field(default_factory=list)

    def settle(self, settlements: Sequence[Settlement]) -> Mapping[UUID, Status]:
        if self.errors:
            raise self.errors.pop(0)
        self.batches.append(list(settlements))
        return {
            one.claimed.delivery_id: Status.CANCELLED
            if one.claimed.delivery_id in self.cancelled and one.wake_after_s is not None
            else one.status
            for one in settlements
            if one.claimed.delivery_id not in self.void
        }

    @property
    def written(self) -> list[Settlement]:
        return [settlement for batch in self.batches for settlement in batch]


@dataclass
class FakeProgress:
    """Keeps the promises of the Redis memory of progress."""

    clock: Callable[[], datetime] = field(default_factory=ManualClock)
    up: bool = True
    barrier_s: float = 30
    held: dict[UUID, tuple[tuple[TracedDelivery, ...] | None, datetime]] = field(default_factory=dict)

    def recall(self, notification_id: UUID) -> tuple[TracedDelivery, ...] | None:
        deliveries, until = self.held.get(notification_id, (None, NOON))
        return deliveries if self.up and until > self.clock() else None

    def keep(self, notification_id: UUID, deliveries: tuple[TracedDelivery, ...], *, for_s: int) -> None:
        held, until = self.held.get(notification_id, ((), NOON))
        newer = held is None or _seen(held) > _seen(deliveries)
        if self.up and not (newer and until > self.clock()):
            self.held[notification_id] = deliveries, self.clock() + timedelta(seconds=for_s)

    def forget(self, notification_id: UUID) -> None:
        if self.up:
            self.held[notification_id] = None, self.clock() + timedelta(seconds=self.barrier_s)


def _seen(deliveries: tuple[TracedDelivery, ...]) -> int:
    return sum(event.count for delivery in deliveries for event in delivery.events)


@dataclass
class FakeWishes:
    """What people want; somebody of whom nothing is told wants everything."""

    told: dict[UUID, Preferences] = field(default_factory=dict)
    up: bool = True

    def __call__(self, user_ids: Collection[UUID], /) -> Mapping[UUID, Preferences]:
        if not self.up:
            raise DatabaseUnavailable("down")
        return {user_id: self.told.get(user_id, DEFAULT_PREFERENCES) for user_id in user_ids}


@dataclass
class FakeArchive:
    states: dict[UUID, tuple[Status, Waiting]] = field(default_factory=dict)
    kept: list[Unreadable] = field(default_factory=list)

    def keep_unreadable(self, messages: Sequence[Unreadable], *, at: datetime) -> None:
        self.kept.extend(messages)

    def find_states(self, delivery_ids: Collection[UUID]) -> Mapping[UUID, tuple[Status, Waiting]]:
        return {delivery_id: self.states[delivery_id] for delivery_id in delivery_ids if delivery_id in self.states}


def compiled(*contents: Content) -> Mapping[tuple[Channel, str], CompiledTemplate]:
    return {(content.channel, content.locale): compile_content(content) for content in contents}


def a_claim(
    reference: TargetReference = EmailTarget("ada@example.org", "Ada"),  # noqa: B008  frozen
    *,
    attempt: int = 1,
    crashes: int = 0,
    user_id: UUID | None = None,
    channel: Channel = Channel.EMAIL,
    locale: str = "en",
    expired: bool = False,
    variables: Mapping[str, object] | None = None,
    category: str | None = None,
    priority: Priority = Priority.NORMAL,
) -> Claimed:
    notification_id = new_id(NOON)
    return Claimed(
        delivery_id=sibling_id(notification_id),
        notification_id=notification_id,
        channel=channel,
        lane=str(channel),
        ticket=2,
        attempt=attempt,
        crashes=crashes,
        reference=reference,
        user_id=user_id,
        template_code="welcome",
        template_version=1,
        locale=locale,
        variables={"name": "Ada", "what": "it"} if variables is None else variables,
        correlation_id="correlation-1",
        expired=expired,
        category=category,
        priority=priority,
    )


def a_waiting(*, lane: str = "email", ticket: int = 1) -> Waiting:
    notification_id = new_id(NOON)
    return Waiting(sibling_id(notification_id), notification_id, Channel.EMAIL, lane, ticket, "correlation-1")
