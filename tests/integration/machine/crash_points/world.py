"""Everything around the delivery machine in which processes work at once, die at any side effect, and time goes by.

The use cases and their SQL are the real ones, over a real PostgreSQL. The broker, the provider and Redis remember in
memory, so that they can lose what they are told to lose.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chalicelib.domain.audit import Actor as Auditor
from chalicelib.domain.catalog import NewTemplate
from chalicelib.domain.content import EmailContent, PushContent
from chalicelib.domain.identity import new_id
from chalicelib.domain.messages import FAILED, Dispatch
from chalicelib.domain.notification import Channel
from chalicelib.domain.request import IdempotencyKey, NamedRecipient, SendNotification
from chalicelib.services.accept import Accepted, accept
from chalicelib.services.accept_batch import accept_batch
from chalicelib.services.archive import archive
from chalicelib.services.cancel import Cancel, cancel
from chalicelib.stores.archive import ArchiveStore
from chalicelib.stores.postgres import Database
from tests.failures import Desk, FakeProgressOfMany
from tests.fakes_core import FakeMemory, compiled
from tests.fakes_templates import FakeTemplates
from tests.integration.machine.crash_points.book import Book, RecordedClaims, RecordedSettlements
from tests.integration.machine.crash_points.ports import (
    CLOSED,
    OPEN,
    HastyClock,
    InlinePool,
    Watched,
    WatchedProvider,
    broker_away,
    cache_away,
    database_away,
    progress_away,
)
from tests.integration.machine.crash_points.queues import Queues, received
from tests.integration.machine.crash_points.stage import Actor, Turn
from tests.machine import Machine, SilentLog, now

EMAIL = EmailContent(locale="en", subject="Hello {{ name }}", html="<p>Hello {{ name }}</p>")
PUSH = PushContent(locale="en", title="Hello {{ name }}", body="Hello")
CONTENTS = compiled(EMAIL, PUSH)
VOLATILE = ("notifications", "deliveries", "events", "failed", "lanes", "idempotency_keys")
REMEMBER_S = 3600
NAMED, PERSON, DEVICE = "named", "person", "device"

# All moments that the machine compares with the present lie `by` further back: so much time has passed.
LET_PASS = """
    WITH woken AS (
        UPDATE notifications.deliveries SET wake_at = wake_at - %(by)s, published_at = published_at - %(by)s
    ), expiring AS (
        UPDATE notifications.notifications SET expires_at = expires_at - %(by)s WHERE expires_at IS NOT NULL
    ), lanes AS (
        UPDATE notifications.lanes SET claimed_published = claimed_published - %(by)s
    )
    UPDATE notifications.idempotency_keys SET expires_at = expires_at - %(by)s
"""


SELECT_FAILURES = "SELECT id FROM notifications.failed WHERE delivery_id IS NOT NULL ORDER BY delivery_id, created_at"

# No server dies here, and a commit that waits for no disk costs half.
WITHOUT_THE_DISK = """
    DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$
"""


class World:
    """Each method starts an actor, or is something that befalls all of them."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self._url = url
        self._idle: list[Database] = []
        with self.database.session() as connection:
            connection.execute(WITHOUT_THE_DISK)
        self.database.close()  # the next session knows of it
        self._templates = FakeTemplates()
        self._templates.insert(NewTemplate("welcome", "Welcome", None, "en", (EMAIL, PUSH)))
        self._templates.publish("welcome", 1)

    def begin(self) -> None:
        """An empty world with one person, who has one device."""
        self.queues = Queues()
        self.book = Book()
        self.actors: list[Actor] = []
        self.elapsed = timedelta()
        self._last = now()
        self.memory = FakeMemory(self._now)
        self.progress = FakeProgressOfMany(self._now)
        self.person, device = new_id(now()), new_id(now())
        with self.database.session() as connection, connection.transaction():
            for table in VOLATILE:
                connection.execute(f"DELETE FROM notifications.{table}")
            connection.execute("DELETE FROM users.users")
            connection.execute(
                "INSERT INTO users.users (id, email, email_key, name, timezone) VALUES (%s, %s, %s, 'Ada', 'UTC')",
                [self.person, "ada@example.org", "ada@example.org"],
            )
            connection.execute(
                "INSERT INTO users.devices (id, user_id, token, platform) VALUES (%s, %s, 'token', 'ios')",
                [device, self.person],
            )

    def close(self) -> None:
        for database in (self.database, *self._idle):
            database.close()

    @property
    def standing(self) -> list[Actor]:
        """The actors that have not ended, in the order in which they began."""
        return [actor for actor in self.actors if actor.at is not None]

    def accept(
        self, count: int, *, to: str = NAMED, key: str | None = None, send_in_s: int = 0, expires_in_s: int = 0
    ) -> Actor:
        """Somebody posts one notification, or several at once."""
        command = self._command(to, key, send_in_s=send_in_s, expires_in_s=expires_in_s)
        return self._start("accept", lambda actor, machine: self._accept(actor, machine, [command] * count, key))

    def deliver(
        self,
        lane: str,
        most: int,
        *,
        newest: bool = False,
        answer: Turn = Turn.GO,
        left_alone: bool = False,
        remaining_s: float = 60,
    ) -> Actor:
        """The mapping hands a batch to the lane's function.

        Its provider is in the mood for this answer, or left alone: then the function knows before it claims anything.
        """
        handed = self.queues.hand_over(lane, most, newest=newest)

        def work(_actor: Actor, machine: Any) -> None:  # Any: the provider is the watched one
            machine.provider.mood = answer
            machine.breaker = OPEN if left_alone else CLOSED
            machine.deliver(*(one.body for one in handed), remaining_s=remaining_s)

        return self._start("deliver", self._consuming(lane, handed, work))

    def archive(self) -> Actor:
        handed = self.queues.hand_over(FAILED, 10)

        def work(actor: Actor, machine: Machine) -> None:
            records = Watched(ArchiveStore(database=machine.database), actor, "records", database_away)
            batch = [received(FAILED, one) for one in handed]
            archive(batch, records=records, courier=machine.courier, clock=self._now, log=SilentLog())

        return self._start("archive", self._consuming(FAILED, handed, work))

    def relay(self) -> Actor:
        return self._start("relay", lambda _, machine: machine.relay() and None)

    def cancel(self, notification_id: UUID) -> Actor:
        def work(actor: Actor, machine: Machine) -> None:
            cancel(
                Cancel(notification_id, Auditor("client:billing", "correlation-2")),
                cancellations=Watched(machine.cancellations, actor, "cancellations", database_away),
                traces=Watched(machine.traces, actor, "traces", database_away),
                progress=Watched(self.progress, actor, "progress", progress_away),
                clock=self._now,
            )
            self.book.cancelled.add(notification_id)

        return self._start("cancel", work)

    def replay(self, failure_id: UUID) -> Actor:
        return self._start("replay", lambda actor, machine: self._desk(actor, machine).replay(failure_id))

    def replay_all(self) -> Actor:
        return self._start("replay", lambda actor, machine: self._desk(actor, machine).replay_many())

    def discard(self, failure_id: UUID) -> Actor:
        return self._start("discard", lambda actor, machine: self._desk(actor, machine).discard(failure_id))

    @property
    def failures(self) -> Sequence[UUID]:
        """The records of all failures, by their deliveries."""
        with self.database.session() as connection:
            return [row[0] for row in connection.execute(SELECT_FAILURES)]

    def let_pass(self, duration: timedelta) -> None:
        """What is due within `duration` is due now, wherever it waits."""
        self.elapsed += duration
        self.queues.let_pass(duration)
        with self.database.session() as connection:
            connection.execute(LET_PASS, {"by": duration})

    def _now(self) -> datetime:
        """No two readings lie in the same millisecond: ids come in the order in which they were made."""
        self._last = max(now(), self._last + timedelta(milliseconds=1))
        return self._last

    def _command(self, to: str, key: str | None, *, send_in_s: int, expires_in_s: int) -> SendNotification:
        request_hash = hashlib.sha256(f"{to} {send_in_s} {expires_in_s}".encode()).digest()
        return SendNotification(
            client_id="client",
            correlation_id="correlation-1",
            template_code="welcome",
            user_id=None if to == NAMED else self.person,
            recipient=NamedRecipient("grace@example.org", "Grace", "en") if to == NAMED else None,
            channels=(Channel.PUSH,) if to == DEVICE else (Channel.EMAIL,),
            variables={"name": "Ada"},
            send_at=now() + timedelta(seconds=send_in_s) if send_in_s else None,
            expires_at=now() + timedelta(seconds=expires_in_s) if expires_in_s else None,
            idempotency=None if key is None else IdempotencyKey(key, request_hash),
        )

    def _accept(self, actor: Actor, machine: Machine, commands: Sequence[SendNotification], key: str | None) -> None:
        common: dict[str, Any] = {  # Any: each is of its own port
            "people": machine.people,
            "preferences_of": machine.wishes,
            "catalog": self._templates,
            "compiled": machine.compiled,
            "notifications": machine.notifications,
            "outbox": machine.outbox,
            "courier": machine.courier,
            "clock": self._now,
            "remember_s": REMEMBER_S,
        }
        if len(commands) == 1:
            memory: Any = Watched(self.memory, actor, "memory", cache_away)
            self.book.promise(accept(commands[0], memory=memory, **common).answer, key)
            return
        for outcome in accept_batch(commands, **common):
            if isinstance(outcome, Accepted):
                self.book.promise(outcome.answer, key)

    def _consuming(
        self, name: str, handed: Sequence[Dispatch], work: Callable[[Actor, Machine], None]
    ) -> Callable[[Actor, Machine], None]:
        """Acknowledge the messages when the work is done; if it does not come to that, they are handed over again."""
        disk = self.queues.disk

        def consume(actor: Actor, machine: Machine) -> None:
            acknowledged = False
            try:
                work(actor, machine)
                acknowledged = actor.point("acknowledge") not in (Turn.AWAY, Turn.LOST)
            finally:
                if not acknowledged and disk == self.queues.disk:
                    self.queues.give_back(name, handed)

        return consume

    def _desk(self, actor: Actor, machine: Machine) -> Desk:
        progress: Any = Watched(self.progress, actor, "progress", progress_away)  # Any: as in `_machine`
        desk: Any = Desk(machine.database, self._templates, courier=machine.courier, progress=progress)
        for name in ("records", "replays", "candidates"):
            setattr(desk, name, Watched(getattr(desk, name), actor, name, database_away))
        checked: Desk = desk
        return checked

    def _start(self, role: str, work: Callable[[Actor, Machine], object]) -> Actor:
        name = f"{role}-{len(self.actors)}"
        database = self._idle.pop() if self._idle else Database(self._url)

        def run(actor: Actor) -> None:
            work(actor, self._machine(actor, database))

        actor = Actor(name, run, ended=lambda: self._idle.append(database))
        self.actors.append(actor)
        return actor

    def _machine(self, actor: Actor, database: Database) -> Machine:
        """The real stores over a connection of the actor's own, each call a point."""
        machine: Any = Machine(  # Any: what is watched has the port of what it stands for, which its type does not say
            database, pool=InlinePool, monotonic_s=HastyClock(), compiled=lambda _code, _number, /: CONTENTS
        )
        claims = RecordedClaims(machine.claims, self.book, actor.name)
        stores: Mapping[str, object] = {
            "notifications": machine.notifications,
            "outbox": machine.outbox,
            "claims": claims,
            "settlements": RecordedSettlements(machine.settlements, self.book),
            "people": machine.people,
            "wishes": machine.wishes,
        }
        for name, store in stores.items():
            setattr(machine, name, Watched(store, actor, name, database_away))
        machine.courier = Watched(self.queues, actor, "broker", broker_away)
        machine.provider = WatchedProvider(
            actor,
            took=lambda delivery_id: self.book.took(actor.name, delivery_id),
            kept_to_itself=lambda delivery_id: self.book.lost_answer(actor.name, delivery_id),
        )
        watched: Machine = machine
        return watched
