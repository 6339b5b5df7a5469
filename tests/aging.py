"""Notifications of any age and state in a real database, and what a purge leaves of them."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from chalicelib.domain.delivery import NewDelivery, NewNotification, RememberedRequest
from chalicelib.domain.identity import new_id, sibling_id
from chalicelib.domain.notification import OPEN, Channel, Status
from chalicelib.domain.recipient import EmailTarget
from chalicelib.domain.retention import Month, Table
from chalicelib.services.purge import Leftovers, purge
from chalicelib.stores.ended_months import EndedMonthStore
from chalicelib.stores.ended_notifications import EndedNotificationStore
from chalicelib.stores.leftovers import ExpiredKeyStore, OldAuditStore, UnreadableStore
from chalicelib.stores.notifications import NotificationStore
from chalicelib.stores.partitions import PartitionStore
from chalicelib.stores.postgres import Database
from tests.fakes_queues import RecordingGauges
from tests.machine import new_notification, now

RETENTION_DAYS = 90
A_DAY = timedelta(days=1)
A_WHILE_S = 600.0

_SET_STATES = """
    UPDATE notifications.deliveries d
       SET status = p.status, wake_at = CASE WHEN p.status = ANY (%(open)s) THEN p.at END, updated_at = p.at
      FROM unnest(%(ids)s::uuid[], %(statuses)s::text[], %(ats)s::timestamptz[]) AS p (id, status, at)
     WHERE d.id = p.id AND d.id = ANY (%(ids)s)
"""

_RECORD_FAILURES = """
    INSERT INTO notifications.failed (
        id, source_key, delivery_id, notification_id, queue, reason, detail, created_at, updated_at)
    SELECT notifications.sibling(id), id || ':1', id, notification_id, 'email', 'address_rejected', '', updated_at,
           updated_at
    FROM notifications.deliveries WHERE id = ANY (%(ids)s) AND status = 'failed'
"""

_IDS = {
    "notifications": "SELECT id FROM notifications.notifications",
    "deliveries": "SELECT notification_id FROM notifications.deliveries",
    "events": "SELECT notification_id FROM notifications.events",
    "failed": "SELECT notification_id FROM notifications.failed WHERE notification_id IS NOT NULL",
}


@dataclass(frozen=True, slots=True)
class Past:
    """A delivery's state, and since when, in days ago."""

    status: Status
    days: float


@dataclass
class Purged:
    """What one run logged."""

    log: RecordingGauges = field(default_factory=RecordingGauges)

    @property
    def warnings(self) -> list[str]:
        return self.log.told("warning")


@dataclass
class Attic:
    """A database of notifications that have a past. The present is `at`."""

    database: Database
    at: datetime = field(default_factory=now)

    def __post_init__(self) -> None:
        self.partitions = PartitionStore(database=self.database)
        self.months = EndedMonthStore(database=self.database)
        self.ended = EndedNotificationStore(database=self.database)
        self.notifications = NotificationStore(database=self.database)

    def ago(self, days: float) -> datetime:
        return self.at - days * A_DAY

    def add_months(self, days: float) -> list[Month]:
        """Partitions for every month since so long ago; the names of the months that had none."""
        added, month = [], Month.of(self.ago(days))
        while month < Month.of(self.at):
            for table in Table:
                self.partitions.add(table, month)
            added.append(month)
            month = month.following
        return added

    def record(
        self, days: float, *pasts: Past, user_id: UUID | None = None, remember: RememberedRequest | None = None
    ) -> NewNotification:
        """One that was accepted so many days ago, with a delivery for each of these."""
        notification_id = new_id(self.ago(days))
        deliveries = tuple(
            NewDelivery(
                delivery_id=sibling_id(notification_id),
                channel=Channel.EMAIL,
                lane="email",
                locale="en",
                reference=EmailTarget(f"{uuid4()}@example.org", None),
                status=Status.ACCEPTED,
            )
            for _ in pasts
        )
        new = new_notification(notification_id, deliveries, user_id=user_id)
        self.notifications.record(new, remember=remember, remember_s=60)
        self._set_states([delivery.delivery_id for delivery in deliveries], pasts)
        return new

    def _set_states(self, ids: Sequence[UUID], pasts: Sequence[Past]) -> None:
        statuses, ats = [past.status for past in pasts], [self.ago(past.days) for past in pasts]
        states = {"ids": [*ids], "statuses": statuses, "ats": ats, "open": [*OPEN]}
        with self.database.session() as connection:
            connection.execute(_SET_STATES, states)
            connection.execute(_RECORD_FAILURES, {"ids": [*ids]})

    def failures(self) -> list[UUID]:
        """The records of what failed, the oldest first."""
        with self.database.session() as connection:
            return [row[0] for row in connection.execute("SELECT id FROM notifications.failed ORDER BY id")]

    def purge(
        self,
        *,
        database: Database | None = None,
        remaining_s: Callable[[], float] = lambda: A_WHILE_S,
    ) -> Purged:
        """One run, of this database's own connection unless it is given another."""
        by, purged = database or self.database, Purged()
        leftovers: Sequence[Leftovers] = (
            UnreadableStore(database=by),
            *(OldAuditStore(database=by, store=store) for store in ("users", "templates", "notifications")),
        )
        purge(
            retention_days=RETENTION_DAYS,
            partitions=PartitionStore(database=by),
            keys=ExpiredKeyStore(database=by),
            months=EndedMonthStore(database=by),
            ended=EndedNotificationStore(database=by),
            leftovers=leftovers,
            clock=lambda: self.at,
            remaining_s=remaining_s,
            pause=lambda _: None,
            log=purged.log,
        )
        return purged

    def left(self) -> dict[str, set[UUID]]:
        """Of which notifications there are rows, by table."""
        with self.database.session() as connection:
            return {table: {row[0] for row in connection.execute(query)} for table, query in _IDS.items()}

    def rows(self) -> Counter[str]:
        """How many rows each table has."""
        with self.database.session() as connection:
            return Counter({table: len(connection.execute(query).fetchall()) for table, query in _IDS.items()})

    def months_of(self, table: Table) -> frozenset[Month]:
        return self.partitions.find()[table]
