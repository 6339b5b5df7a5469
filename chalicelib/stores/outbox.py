"""The outbox: which open rows need a message published, and the note that it was.

Every open row has a `wake_at`; what is past it is somebody's duty, and `relay` takes it. Taking sets the next
`wake_at`, so that a relay that dies holds nothing up, and several may run at once (SKIP LOCKED).
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg.rows import kwargs_row

from chalicelib.domain.backflow import LaneKnowledge, Reviewed
from chalicelib.domain.delivery import QUEUED_WATCH_S, Waiting
from chalicelib.domain.notification import Channel
from chalicelib.stores.postgres import Database

TAKEN_S = 10
"""How long one relay has a row to itself: longer than a publish takes, but a broker that returns waits no longer."""

LONGEST_WATCH_S = 900
"""A queued row is looked at again after this long at the latest."""

# In a lane that holds enough, only ends are looked for: a lease's, or that of what would be in vain.
TAKE_DUE: LiteralString = """
    WITH due AS (
        SELECT d.id, d.notification_id, d.status, d.cancel_requested_at FROM notifications.deliveries d
        WHERE d.wake_at <= now() AND d.status <> 'queued'
              AND CASE WHEN d.lane <> ALL (%(full_lanes)s) THEN NOT %(only_ends)s
                       ELSE %(only_ends)s AND (d.status = 'sending' OR EXISTS (
                           SELECT FROM notifications.notifications n
                           WHERE n.id = d.notification_id AND n.expires_at <= now())) END
        ORDER BY d.wake_at LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
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
            published_at = CASE f.status_before WHEN 'sending' THEN NULL ELSE d.published_at END,
            deferrals = CASE f.status_before WHEN 'sending' THEN 0 ELSE d.deferrals END,
            deferred_event = CASE f.status_before WHEN 'sending' THEN NULL ELSE d.deferred_event END
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
# after it may well be, and is only looked at again later, ever more seldom. What is lost and has no room in its lane
# is left as it is: nobody writes the same row again and again while a lane is full.
TAKE_LOST: LiteralString = """
    WITH overdue AS (
        SELECT d.id, d.notification_id, d.channel, d.lane, d.ticket, looked.lost, looked.expired, n.correlation_id
        FROM notifications.deliveries d
        JOIN notifications.notifications n ON n.id = d.notification_id
        LEFT JOIN notifications.lanes l ON l.lane = d.lane
        CROSS JOIN LATERAL (
            SELECT coalesce(n.expires_at <= now(), false) AS expired,
                   coalesce(d.published_at < l.claimed_published, false) OR d.published_at IS NULL
                   OR d.lane = ANY (%(empty_lanes)s) AS lost
        ) AS looked
        WHERE d.wake_at <= now() AND d.status = 'queued' AND d.lane = ANY (%(lanes)s)
              AND (looked.expired OR NOT looked.lost OR d.lane <> ALL (%(full_lanes)s))
        ORDER BY d.wake_at LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
    ), ended AS (
        -- its lane stands still: the message that may be in it is void from now on
        UPDATE notifications.deliveries d
        SET status = 'expired', reason = 'expired', ticket = d.ticket + 1, wake_at = NULL, updated_at = now()
        FROM overdue o WHERE d.id = o.id AND o.expired
        RETURNING d.id, d.notification_id, d.attempts, o.correlation_id
    ), events AS (
        INSERT INTO notifications.events (id, notification_id, delivery_id, event, attempt, reason, correlation_id)
        SELECT notifications.sibling(notification_id), notification_id, id, 'expired', attempts, 'expired',
               correlation_id
        FROM ended
    ), put_off AS (
        UPDATE notifications.deliveries d
        SET wake_at = now() + CASE WHEN o.lost THEN %(taken)s ELSE
                least(greatest(2 * (now() - d.published_at), %(watch)s), %(longest)s) END
        FROM overdue o WHERE d.id = o.id AND NOT o.expired
    )
    SELECT id AS delivery_id, notification_id, channel, lane, ticket, correlation_id, lost AND NOT expired AS lost
    FROM overdue
"""

OVERDUE_LANES: LiteralString = """
    SELECT DISTINCT lane FROM notifications.deliveries WHERE wake_at <= now() AND status = 'queued'
"""

# The guard is the ticket: a row that a worker has claimed meanwhile is left as it is. The note need not survive a crash
# of the database, which would only cost a void copy, so its transaction does not wait for the disk. A deferral that
# counts itself tells in its own event how often the row came back, and what is published again waits twice as long.
MARK_QUEUED: LiteralString = """
    WITH published AS (
        SELECT * FROM unnest(
            %(ids)s::uuid[], %(tickets)s::bigint[], %(notification_ids)s::uuid[], %(correlation_ids)s::text[]
        ) AS p (id, ticket, notification_id, correlation_id)
    ), locked AS (
        SELECT d.id, d.status, d.status = 'deferred' AND d.deferred_event IS NOT NULL AS is_counted
        FROM notifications.deliveries d JOIN published p ON p.id = d.id AND p.ticket = d.ticket
        WHERE d.id = ANY (%(ids)s)  -- said again as a constant: it prunes the partitions
              AND d.status IN ('scheduled', 'accepted', 'queued', 'retrying', 'deferred')
        ORDER BY d.id FOR UPDATE OF d
    ), marked AS (
        UPDATE notifications.deliveries d
        SET status = 'queued', published_at = %(published_at)s, updated_at = now(),
            wake_at = now() + least(greatest(
                CASE locked.status WHEN 'queued' THEN 2 * (now() - d.published_at) END, %(watch)s), %(longest)s)
        FROM locked WHERE d.id = locked.id AND d.id = ANY (%(ids)s)
        RETURNING d.id, d.attempts, locked.status AS status_before, locked.is_counted
    )
    INSERT INTO notifications.events (id, notification_id, delivery_id, event, attempt, correlation_id)
    SELECT notifications.sibling(p.notification_id), p.notification_id, p.id,
           CASE m.status_before WHEN 'queued' THEN 'republished' ELSE 'queued' END, m.attempts, p.correlation_id
    FROM set_config('synchronous_commit', 'off', true), marked m JOIN published p ON p.id = m.id
    WHERE NOT m.is_counted
"""


class OutboxStore:
    """Hands out what is due, each row to one taker at a time."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def take_due(self, *, limit: int, full_lanes: Collection[str] = ()) -> list[Waiting]:
        """Rows past their time: publishes overdue, schedules and retries due, leases ended (counted as crashes).

        What has expired ends here instead, and so does what was cancelled while its worker died. Rows of full lanes are
        left as they are.
        """
        while taken := self._take_due(limit, full_lanes, only_ends=False):
            if due := [row for row in taken if row is not None]:
                return due
        return []

    def end_within(self, full_lanes: Collection[str], *, limit: int) -> None:
        """End in these lanes what has expired, and void the leases that ended, whose rows go back to `queued`."""
        self._take_due(limit, full_lanes, only_ends=True)

    def _take_due(self, limit: int, full_lanes: Collection[str], *, only_ends: bool) -> list[Waiting | None]:
        parameters = {
            "limit": limit,
            "taken": timedelta(seconds=TAKEN_S),
            "full_lanes": list(full_lanes),
            "only_ends": only_ends,
        }
        with self._database.session() as connection:
            cursor = connection.cursor(row_factory=kwargs_row(_waiting_unless_ended))
            return cursor.execute(TAKE_DUE, parameters).fetchall()

    def find_overdue_lanes(self) -> list[str]:
        """The lanes that have queued rows past their time."""
        with self._database.session() as connection:
            return [row[0] for row in connection.execute(OVERDUE_LANES)]

    def take_lost(self, *, among: LaneKnowledge, limit: int) -> Reviewed:
        """Look at queued rows past their time, of the lanes that are known, and take those whose message cannot be in
        its queue any more: published before one that was claimed since, never published, or of an empty lane.

        Lost ones of a full lane stay as they are. The others are put off, twice as long each time, up to a quarter of
        an hour; what has expired ends.
        """
        parameters = {
            "lanes": list(among.known),
            "empty_lanes": list(among.empty),
            "full_lanes": list(among.full),
            "limit": limit,
            "taken": timedelta(seconds=TAKEN_S),
            "watch": timedelta(seconds=QUEUED_WATCH_S),
            "longest": timedelta(seconds=LONGEST_WATCH_S),
        }
        with self._database.session() as connection:
            cursor = connection.cursor(row_factory=kwargs_row(_waiting_if_lost))
            rows = cursor.execute(TAKE_LOST, parameters).fetchall()
        return Reviewed(lost=[row for row in rows if row is not None], is_last=len(rows) < limit)

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
                    "longest": timedelta(seconds=LONGEST_WATCH_S),
                },
            )


def waiting_row(*, channel: str, **columns: Any) -> Waiting:  # Any: the statements' other columns
    """A row of what waits, as every statement of the outbox names its columns."""
    return Waiting(channel=Channel(channel), **columns)


def _waiting_unless_ended(*, ended: bool, **columns: Any) -> Waiting | None:  # Any: as above
    return None if ended else waiting_row(**columns)


def _waiting_if_lost(*, lost: bool, **columns: Any) -> Waiting | None:  # Any: as above
    return waiting_row(**columns) if lost else None
