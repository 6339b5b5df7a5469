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
        SELECT id, status FROM notifications.deliveries
        WHERE wake_at <= now() AND status <> 'queued'
        ORDER BY wake_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    ), taken AS (
        -- an ended lease voids its claim: the ticket grows, and whatever the worker still brings is late
        UPDATE notifications.deliveries d
        SET wake_at = now() + %(taken)s, updated_at = now(),
            status = CASE due.status WHEN 'sending' THEN 'queued' ELSE d.status END,
            ticket = d.ticket + (due.status = 'sending')::int,
            crashes = d.crashes + (due.status = 'sending')::int,
            published_at = CASE due.status WHEN 'sending' THEN NULL ELSE d.published_at END
        FROM due WHERE d.id = due.id
        RETURNING d.id, d.notification_id, d.channel, d.lane, d.ticket, d.attempts, due.status AS status_before
    ), events AS (
        INSERT INTO notifications.events (id, notification_id, delivery_id, event, attempt, correlation_id)
        SELECT notifications.sibling(t.notification_id), t.notification_id, t.id, e.event, t.attempts, n.correlation_id
        FROM taken t
        JOIN notifications.notifications n ON n.id = t.notification_id
        CROSS JOIN LATERAL (VALUES (1, 'lease_ended'), (2, 'queued')) AS e (place, event)
        WHERE t.status_before = 'sending'
        ORDER BY t.id, e.place
    )
    SELECT t.id AS delivery_id, t.notification_id, t.channel, t.lane, t.ticket, n.correlation_id
    FROM taken t JOIN notifications.notifications n ON n.id = t.notification_id
"""

# What was published before a message that has been claimed since cannot be waiting in the queue; what was published
# after it may well be, and is only looked at again later, ever more seldom.
TAKE_LOST: LiteralString = """
    WITH overdue AS (
        SELECT d.id, l.claimed_published IS NOT NULL AND d.published_at < l.claimed_published
                     OR d.published_at IS NULL OR d.lane = ANY (%(empty_lanes)s) AS lost
        FROM notifications.deliveries d LEFT JOIN notifications.lanes l ON l.lane = d.lane
        WHERE d.wake_at <= now() AND d.status = 'queued'
        ORDER BY d.wake_at LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
    ), taken AS (
        UPDATE notifications.deliveries d
        SET wake_at = now() + least(greatest(2 * (now() - coalesce(d.published_at, now())), %(watch)s), %(longest)s)
        FROM overdue WHERE d.id = overdue.id
        RETURNING d.id, d.notification_id, d.channel, d.lane, d.ticket, overdue.lost
    )
    SELECT t.id AS delivery_id, t.notification_id, t.channel, t.lane, t.ticket, n.correlation_id
    FROM taken t JOIN notifications.notifications n ON n.id = t.notification_id
    WHERE t.lost
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
        """Rows past their time: publishes overdue, schedules and retries due, leases ended (counted as crashes)."""
        return self._take(TAKE_DUE, {"limit": limit, "taken": timedelta(seconds=TAKEN_S)})

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
