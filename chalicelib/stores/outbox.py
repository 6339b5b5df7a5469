"""The outbox: which open rows need a message published, and the note that it was.

Every open row has a `wake_at`; what is past it is somebody's duty, and `relay` takes it. Taking sets the next
`wake_at`, so that a relay that dies holds nothing up, and several may run at once (SKIP LOCKED).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg.rows import kwargs_row

from chalicelib.domain.delivery import QUEUED_WATCH_S, Waiting
from chalicelib.domain.notification import Channel
from chalicelib.stores.postgres import Database

TAKEN_S = 10
"""How long one relay has a row to itself: longer than a publish takes, but a broker that returns waits no longer."""

LONGEST_WATCH_S = 900
"""A queued row is looked at again after this long at the latest."""

TAKE_DUE: LiteralString = """
    WITH due AS (
        SELECT id, notification_id, status, cancel_requested_at FROM notifications.deliveries
        WHERE wake_at <= now() AND status <> 'queued'
        ORDER BY wake_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ), fate AS (
        SELECT due.id, due.status AS status_before, n.correlation_id,
               CASE WHEN due.cancel_requested_at IS NOT NULL THEN 'cancelled'
                    WHEN n.expires_at <= now() THEN 'expired'
                    WHEN due.status = 'sending' THEN 'queued'
                    ELSE due.status END AS status
        FROM due JOIN notifications.notifications n ON n.id = due.notification_id
    ), taken AS (
        -- an ended lease voids its claim: the ticket grows, and whatever the worker still brings is late
        UPDATE notifications.deliveries d
        SET wake_at = CASE WHEN f.status IN ('cancelled', 'expired') THEN NULL ELSE now() + %(taken)s END,
            updated_at = now(), status = f.status, cancel_requested_at = NULL,
            reason = CASE f.status WHEN 'expired' THEN 'expired' ELSE d.reason END,
            ticket = d.ticket + (f.status_before = 'sending')::int,
            crashes = d.crashes + (f.status_before = 'sending')::int,
            published_at = CASE f.status_before WHEN 'sending' THEN NULL ELSE d.published_at END
        FROM fate f WHERE d.id = f.id
        RETURNING d.id, d.notification_id, d.channel, d.lane, d.ticket, d.attempts, d.wake_at, f.status,
                  f.status_before, f.correlation_id
    ), events AS (
        INSERT INTO notifications.events (id, notification_id, delivery_id, event, attempt, reason, correlation_id)
        SELECT notifications.sibling(t.notification_id), t.notification_id, t.id, e.event, t.attempts,
               CASE e.event WHEN 'expired' THEN 'expired' END, t.correlation_id
        FROM taken t
        CROSS JOIN LATERAL (VALUES
            (1, CASE t.status_before WHEN 'sending' THEN 'lease_ended' END),
            (2, CASE WHEN t.status <> t.status_before THEN t.status END)) AS e (place, event)
        WHERE e.event IS NOT NULL
        ORDER BY t.id, e.place
    )
    SELECT id AS delivery_id, notification_id, channel, lane, ticket, correlation_id, wake_at IS NULL AS ended
    FROM taken
"""

# What was published before a message that has been claimed since cannot be waiting in the queue; what was published
# after it may well be, and is only looked at again later, ever more seldom.
TAKE_LOST: LiteralString = """
    WITH overdue AS (
        SELECT d.id, d.notification_id, l.claimed_published IS NOT NULL AND d.published_at < l.claimed_published
                     OR d.published_at IS NULL OR d.lane = ANY (%(empty_lanes)s) AS lost
        FROM notifications.deliveries d LEFT JOIN notifications.lanes l ON l.lane = d.lane
        WHERE d.wake_at <= now() AND d.status = 'queued'
        ORDER BY d.wake_at LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
    ), fate AS (
        SELECT o.id, o.lost, coalesce(n.expires_at <= now(), false) AS expired, n.correlation_id
        FROM overdue o JOIN notifications.notifications n ON n.id = o.notification_id
    ), ended AS (
        -- its lane stands still: the message that may be in it is void from now on
        UPDATE notifications.deliveries d
        SET status = 'expired', reason = 'expired', ticket = d.ticket + 1, wake_at = NULL, updated_at = now()
        FROM fate f WHERE d.id = f.id AND f.expired
        RETURNING d.id, d.notification_id, d.attempts, f.correlation_id
    ), events AS (
        INSERT INTO notifications.events (id, notification_id, delivery_id, event, attempt, reason, correlation_id)
        SELECT notifications.sibling(notification_id), notification_id, id, 'expired', attempts, 'expired',
               correlation_id
        FROM ended
    ), taken AS (
        UPDATE notifications.deliveries d
        SET wake_at = now() + least(greatest(2 * (now() - coalesce(d.published_at, now())), %(watch)s), %(longest)s)
        FROM fate f WHERE d.id = f.id AND NOT f.expired
        RETURNING d.id, d.notification_id, d.channel, d.lane, d.ticket, f.lost, f.correlation_id
    )
    SELECT id AS delivery_id, notification_id, channel, lane, ticket, correlation_id FROM taken WHERE lost
"""

OVERDUE_LANES: LiteralString = """
    SELECT DISTINCT lane FROM notifications.deliveries WHERE wake_at <= now() AND status = 'queued'
"""

# The guard is the ticket: a row that a worker has claimed meanwhile is left as it is. The note need not survive a crash
# of the database, which would only cost a void copy, so its transaction does not wait for the disk.
MARK_QUEUED: LiteralString = """
    WITH published AS (
        SELECT * FROM unnest(
            %(ids)s::uuid[], %(tickets)s::bigint[], %(notification_ids)s::uuid[], %(correlation_ids)s::text[]
        ) AS p (id, ticket, notification_id, correlation_id)
    ), locked AS (
        SELECT d.id, d.status
        FROM notifications.deliveries d JOIN published p ON p.id = d.id AND p.ticket = d.ticket
        WHERE d.id = ANY (%(ids)s)  -- said again as a constant: it prunes the partitions
              AND d.status IN ('scheduled', 'accepted', 'queued', 'retrying', 'deferred')
        ORDER BY d.id FOR UPDATE OF d
    ), marked AS (
        UPDATE notifications.deliveries d
        SET status = 'queued', published_at = %(published_at)s, updated_at = now(),
            wake_at = greatest(d.wake_at, now() + %(watch)s)
        FROM locked WHERE d.id = locked.id AND d.id = ANY (%(ids)s)
        RETURNING d.id, d.attempts, locked.status AS status_before
    )
    INSERT INTO notifications.events (id, notification_id, delivery_id, event, attempt, correlation_id)
    SELECT notifications.sibling(p.notification_id), p.notification_id, p.id,
           CASE m.status_before WHEN 'queued' THEN 'republished' ELSE 'queued' END, m.attempts, p.correlation_id
    FROM set_config('synchronous_commit', 'off', true), marked m JOIN published p ON p.id = m.id
"""


class OutboxStore:
    """Hands out what is due, each row to one taker at a time."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def take_due(self, *, limit: int) -> list[Waiting]:
        """Rows past their time: publishes overdue, schedules and retries due, leases ended (counted as crashes).

        What has expired ends here instead, and so does what was cancelled while its worker died.
        """
        parameters = {"limit": limit, "taken": timedelta(seconds=TAKEN_S)}
        with self._database.session() as connection:
            cursor = connection.cursor(row_factory=kwargs_row(_waiting_unless_ended))
            while taken := cursor.execute(TAKE_DUE, parameters).fetchall():
                if due := [row for row in taken if row is not None]:
                    return due
        return []

    def find_overdue_lanes(self) -> list[str]:
        """The lanes that have queued rows past their time."""
        with self._database.session() as connection:
            return [row[0] for row in connection.execute(OVERDUE_LANES)]

    def take_lost(self, *, empty_lanes: Collection[str], limit: int) -> list[Waiting]:
        """Queued rows past their time whose message cannot be in its queue any more.

        The others past their time are put off, twice as long each time, up to a quarter of an hour.
        """
        parameters = {
            "empty_lanes": list(empty_lanes),
            "limit": limit,
            "watch": timedelta(seconds=QUEUED_WATCH_S),
            "longest": timedelta(seconds=LONGEST_WATCH_S),
        }
        return self._take(TAKE_LOST, parameters)

    def mark_queued(self, published: Sequence[Waiting], *, published_at: datetime) -> None:
        """Note that the messages of these deliveries, with these tickets, are in the broker."""
        with self._database.session() as connection:
            connection.execute(
                MARK_QUEUED,
                {
                    "ids": [row.delivery_id for row in published],
                    "tickets": [row.ticket for row in published],
                    "notification_ids": [row.notification_id for row in published],
                    "correlation_ids": [row.correlation_id for row in published],
                    "published_at": published_at,
                    "watch": timedelta(seconds=QUEUED_WATCH_S),
                },
            )

    def _take(self, statement: LiteralString, parameters: Mapping[str, object]) -> list[Waiting]:
        with self._database.session() as connection:
            return connection.cursor(row_factory=kwargs_row(_waiting)).execute(statement, parameters).fetchall()


def _waiting(*, channel: str, **columns: Any) -> Waiting:  # Any: the statements' other columns
    return Waiting(channel=Channel(channel), **columns)


def _waiting_unless_ended(*, ended: bool, **columns: Any) -> Waiting | None:  # Any: as above
    return None if ended else _waiting(**columns)
