"""A small world around the delivery state machine: real stores, and a broker and a provider that only remember."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.domain.audit import Actor, new_audit
from chalicelib.domain.circuit import Breaker, Monotonic, NeverOpen
from chalicelib.domain.content import EmailContent
from chalicelib.domain.delivery import NewDelivery, NewNotification, RememberedRequest
from chalicelib.domain.identity import new_id, sibling_id
from chalicelib.domain.messages import DeliveryMessage, Dispatch, Received, decode_message
from chalicelib.domain.notification import Channel, Priority, Status
from chalicelib.domain.pace import Pace
from chalicelib.domain.recipient import EmailTarget, TargetReference
from chalicelib.domain.retry import RetryDelays
from chalicelib.domain.template import compile_content
from chalicelib.domain.trace import TracedDelivery, TracedNotification
from chalicelib.errors import BrokerUnavailable, DeliveryError
from chalicelib.services.deliver import deliver
from chalicelib.services.failover import Failover
from chalicelib.services.guarded_provider import GuardedProvider
from chalicelib.services.ports import CompiledContents, CompiledTemplates
from chalicelib.services.relay import relay
from chalicelib.services.settle import Settler
from chalicelib.stores.cancellations import CancellationStore
from chalicelib.stores.claims import ClaimStore
from chalicelib.stores.notifications import NotificationStore
from chalicelib.stores.outbox import OutboxStore
from chalicelib.stores.pace import ProcessPace
from chalicelib.stores.people import PeopleStore
from chalicelib.stores.postgres import Database
from chalicelib.stores.settlements import SettlementStore
from chalicelib.stores.traces import TraceStore
from tests.fakes_core import FakeWishes

CONTENT = EmailContent(locale="en", subject="Hello {{ name }}", html="<p>Hello {{ name }}</p>")


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class RememberingCourier:
    """Takes everything over while it is up, and nothing while it is down; does not tell what `mute` lanes hold."""

    up: bool = True
    confirms: bool = True
    taken: list[Dispatch] = field(default_factory=list)
    ready: dict[str, int] = field(default_factory=dict)
    mute: set[str] = field(default_factory=set)

    def publish(self, dispatches: Sequence[Dispatch], *, timeout_s: float) -> frozenset[int]:
        if not (self.up and self.confirms):
            return frozenset()
        self.taken.extend(dispatches)
        return frozenset(range(len(dispatches)))

    def count_ready(self, lane: str, *, timeout_s: float) -> int:
        if not self.up or lane in self.mute:
            raise BrokerUnavailable("down")
        return self.ready.get(lane, 0)


@dataclass
class RememberingProvider:
    """Accepts, or answers each call with the next of `errors`."""

    name: str = "remembering"
    errors: list[DeliveryError] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(outgoing)
        return Receipt(self.name, f"accepted-{len(self.sent)}")


class SilentLog:
    """Satisfies the log port; what is logged is not asserted on."""

    def info(self, message: str, **fields: object) -> None: ...

    def warning(self, message: str, **fields: object) -> None: ...

    def error(self, message: str, **fields: object) -> None: ...

    def count(self, metric: str, value: int = 1, **dimensions: str) -> None: ...


def _compiled(_code: str, _number: int, /) -> CompiledContents:
    return {(Channel.EMAIL, "en"): compile_content(CONTENT)}


def _four_threads() -> Executor:
    return ThreadPoolExecutor(4)


def new_notification(
    notification_id: UUID,
    deliveries: tuple[NewDelivery, ...],
    *,
    user_id: UUID | None = None,
    template_code: str = "welcome",
    send_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> NewNotification:
    return NewNotification(
        notification_id=notification_id,
        client_id="client",
        user_id=user_id,
        recipient_name=None,
        template_code=template_code,
        template_version=1,
        category=None,
        priority=Priority.NORMAL,
        locale="en",
        variables={"name": "Ada"},
        metadata={},
        correlation_id="correlation-1",
        send_at=send_at,
        expires_at=expires_at,
        deliveries=deliveries,
    )


@dataclass
class Machine:
    """Each method is one event of the world: something is recorded, a batch is delivered, relay passes."""

    database: Database
    courier: RememberingCourier = field(default_factory=RememberingCourier)
    provider: RememberingProvider = field(default_factory=RememberingProvider)
    delays: RetryDelays = field(default_factory=lambda: RetryDelays((5, 25, 125)))
    compiled: CompiledTemplates = _compiled
    wishes: FakeWishes = field(default_factory=FakeWishes)
    breaker: Breaker = field(default_factory=NeverOpen)
    pace: Pace = field(default_factory=lambda: ProcessPace(0.0, monotonic_s=time.monotonic))
    pool: Callable[[], Executor] = _four_threads
    monotonic_s: Monotonic = time.monotonic

    def __post_init__(self) -> None:
        self.notifications = NotificationStore(database=self.database)
        self.outbox = OutboxStore(database=self.database)
        self.claims = ClaimStore(database=self.database)
        self.settlements = SettlementStore(database=self.database)
        self.traces = TraceStore(database=self.database)
        self.people = PeopleStore(database=self.database)
        self.cancellations = CancellationStore(database=self.database)

    def record(
        self,
        *,
        targets: Sequence[TargetReference] = (EmailTarget("ada@example.org", "Ada"),),
        user_id: UUID | None = None,
        send_at: datetime | None = None,
        expires_at: datetime | None = None,
        remember: RememberedRequest | None = None,
    ) -> NewNotification:
        notification_id = new_id(now())
        deliveries = tuple(
            NewDelivery(
                delivery_id=sibling_id(notification_id),
                channel=Channel.EMAIL,
                lane="email",
                locale="en",
                reference=target,
                status=Status.SCHEDULED if send_at else Status.ACCEPTED,
                wake_at=send_at,
            )
            for target in targets
        )
        new = new_notification(notification_id, deliveries, user_id=user_id, send_at=send_at, expires_at=expires_at)
        self.notifications.record(new, remember=remember, remember_s=60)
        return new

    def message(self, new: NewNotification, *, ticket: int = 1, of: int = 0) -> DeliveryMessage:
        return DeliveryMessage(
            schema=1,
            delivery_id=new.deliveries[of].delivery_id,
            notification_id=new.notification_id,
            channel=Channel.EMAIL,
            ticket=ticket,
            correlation_id=new.correlation_id,
            published_at=now(),
        )

    def messages(self, new: NewNotification) -> list[DeliveryMessage]:
        return [self.message(new, of=place) for place in range(len(new.deliveries))]

    def deliver(self, *messages: DeliveryMessage | bytes, remaining_s: float = 60) -> None:
        received = [
            Received("email.queue", message if isinstance(message, bytes) else message.encode(), message_id="m")
            for message in messages
        ]
        with self.pool() as pool:
            deliver(
                received,
                claims=self.claims,
                people=self.people,
                preferences_of=self.wishes,
                compiled=self.compiled,
                failover=self.failover(),
                pool=pool,
                concurrency=4,
                send_timeout_s=5,
                delays=self.delays,
                settler=Settler(
                    settlements=self.settlements,
                    people=self.people,
                    courier=self.courier,
                    outbox=self.outbox,
                    clock=now,
                    log=SilentLog(),
                    remaining_s=lambda: remaining_s,
                    pause=lambda _: None,
                    monotonic_s=self.monotonic_s,
                ),
                courier=self.courier,
                remaining_s=lambda: remaining_s,
                log=SilentLog(),
            )

    def failover(self) -> Failover:
        """The only provider, behind its circuit and at its pace."""
        return Failover([GuardedProvider(self.provider, breaker=self.breaker, pace=self.pace, pause=lambda _: None)])

    def relay(self, *, remaining_s: float = 0.0) -> list[DeliveryMessage]:
        """One pass; what it published. One page of it when there is no time for more."""
        before = len(self.courier.taken)
        relay(
            outbox=self.outbox,
            courier=self.courier,
            gauge=self.courier,
            clock=now,
            remaining_s=lambda: remaining_s,
            pause=lambda _: None,
            log=SilentLog(),
        )
        return [decode_message(dispatch.body) for dispatch in self.courier.taken[before:]]

    def cancel(self, new: NewNotification) -> int:
        """How many of its deliveries were stopped."""
        by = Actor("client:billing", "correlation-2")
        audit = new_audit(by, "notification.cancelled", f"notification:{new.notification_id}", at=now())
        return self.cancellations.cancel(new.notification_id, by=by, audit=audit)

    def let_pass(self, duration: timedelta) -> None:
        """Everything that is due within `duration` is due now."""
        with self.database.session() as connection:
            connection.execute(
                "UPDATE notifications.deliveries SET wake_at = wake_at - %s, published_at = published_at - %s "
                "WHERE wake_at IS NOT NULL",
                (duration, duration),
            )

    def trace(self, new: NewNotification) -> TracedNotification:
        traced = self.traces.find(new.notification_id)
        assert traced is not None
        return traced

    def delivery(self, new: NewNotification) -> TracedDelivery:
        """Its only delivery."""
        (delivery,) = self.trace(new).deliveries
        return delivery

    def events(self, new: NewNotification) -> list[str]:
        return [str(event.event) for event in self.delivery(new).events]
