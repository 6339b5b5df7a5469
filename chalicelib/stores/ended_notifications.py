"""Notifications that are past their retention, with all that is theirs: found by pages, deleted by portions.

A closed delivery is reopened by a replay alone, which holds its notification, as erasing a person does (FOR KEY SHARE,
FOR UPDATE). So who holds the notification here, and looks after that, sees what stays true until the commit. What
somebody else holds at this moment is left for another day.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from chalicelib.domain.failure import FailureState
from chalicelib.domain.identity import first_key_at, sibling_range
from chalicelib.domain.retention import UNREVIEWED, Aged, Horizons
from chalicelib.stores.postgres import Database

FIND: LiteralString = """
    SELECT id FROM notifications.notifications WHERE id > %(after)s AND id < %(before)s ORDER BY id LIMIT %(limit)s
"""

# Siblings share their notification's millisecond: the ranges find them in one partition. OFFSET 0 keeps the ranges from
# becoming a join, for which PostgreSQL, knowing nothing of siblings, reads whole partitions.
WEIGH: LiteralString = """
    SELECT w.id AS notification_id, 1 + d.rows + e.rows AS rows, d.kept
    FROM unnest(%(ids)s::uuid[], %(firsts)s::uuid[], %(ends)s::uuid[]) AS w (id, first_key, end_key)
    CROSS JOIN LATERAL (
        SELECT count(*) AS rows,
               coalesce(bool_or(wake_at IS NOT NULL OR updated_at >= %(horizon)s), false) AS kept
        FROM notifications.deliveries
        WHERE id >= w.first_key AND id < w.end_key AND notification_id = w.id AND id >= %(first)s AND id < %(end)s
        OFFSET 0) AS d
    CROSS JOIN LATERAL (
        SELECT count(*) AS rows FROM notifications.events
        WHERE id >= w.first_key AND id < w.end_key AND notification_id = w.id AND id >= %(first)s AND id < %(end)s
        OFFSET 0) AS e
    ORDER BY w.id
"""

HOLD: LiteralString = """
    SELECT id FROM notifications.notifications WHERE id = ANY (%(ids)s) ORDER BY id FOR UPDATE SKIP LOCKED
"""

FIND_DELIVERIES: LiteralString = """
    SELECT w.id, d.id, d.kept
    FROM unnest(%(ids)s::uuid[], %(firsts)s::uuid[], %(ends)s::uuid[]) AS w (id, first_key, end_key)
    CROSS JOIN LATERAL (
        SELECT id, wake_at IS NOT NULL OR updated_at >= %(horizon)s AS kept FROM notifications.deliveries
        WHERE id >= w.first_key AND id < w.end_key AND notification_id = w.id AND id >= %(first)s AND id < %(end)s
        OFFSET 0) AS d
"""

FIND_EVENTS: LiteralString = """
    SELECT e.id
    FROM unnest(%(ids)s::uuid[], %(firsts)s::uuid[], %(ends)s::uuid[]) AS w (id, first_key, end_key)
    CROSS JOIN LATERAL (
        SELECT id FROM notifications.events
        WHERE id >= w.first_key AND id < w.end_key AND notification_id = w.id AND id >= %(first)s AND id < %(end)s
        OFFSET 0) AS e
"""

# First of all: whoever discards one of these has written its event, or finds no record any more.
DELETE_FAILED: LiteralString = """
    DELETE FROM notifications.failed WHERE notification_id = ANY (%(ids)s) RETURNING state
"""

DELETE_EVENTS: LiteralString = "DELETE FROM notifications.events WHERE id = ANY (%(ids)s)"

DELETE_DELIVERIES: LiteralString = "DELETE FROM notifications.deliveries WHERE id = ANY (%(ids)s)"

DELETE_NOTIFICATIONS: LiteralString = "DELETE FROM notifications.notifications WHERE id = ANY (%(ids)s)"


class EndedNotificationStore:
    """Each method raises DatabaseUnavailable. Several may delete at once: each notification is deleted by one."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find(self, horizons: Horizons, *, after: UUID, limit: int) -> Sequence[Aged]:
        """Up to `limit` notifications that were accepted before the horizon, kept or not, after that one, by age."""
        bounds = {"after": after, "before": first_key_at(horizons.closed), "limit": limit}
        with self._database.session() as connection:
            ids = [row[0] for row in connection.execute(FIND, bounds)]
            if not ids:
                return []
            weighed = connection.cursor(row_factory=class_row(Aged)).execute(WEIGH, _ranges(ids, horizons))
            return weighed.fetchall()

    def delete(self, notification_ids: Sequence[UUID], horizons: Horizons) -> Counter[str]:
        """Delete those that are past their retention still, with all that is theirs, in one transaction.

        Tells how many rows of which table went. If the connection is lost, all of them are there or none is.
        """
        with self._database.session() as connection, connection.transaction():
            held = [row[0] for row in connection.execute(HOLD, {"ids": [*notification_ids]})]
            return _delete(connection, held, horizons) if held else Counter()


def failures_of(states: Iterable[str]) -> Counter[str]:
    """How deleted records of failures are counted."""
    listed = list(states)
    return Counter({"failed": len(listed), UNREVIEWED: listed.count(FailureState.FAILED)})


def _delete(connection: psycopg.Connection, held: Sequence[UUID], horizons: Horizons) -> Counter[str]:
    deliveries = connection.execute(FIND_DELIVERIES, _ranges(held, horizons)).fetchall()
    kept = {notification_id for notification_id, _, is_kept in deliveries if is_kept}
    ended = [notification_id for notification_id in held if notification_id not in kept]
    if not ended:
        return Counter()
    gone = failures_of(row[0] for row in connection.execute(DELETE_FAILED, {"ids": ended}))
    events = [row[0] for row in connection.execute(FIND_EVENTS, _ranges(ended, horizons))]
    gone["events"] = connection.execute(DELETE_EVENTS, {"ids": events}).rowcount
    ids = [delivery_id for notification_id, delivery_id, _ in deliveries if notification_id not in kept]
    gone["deliveries"] = connection.execute(DELETE_DELIVERIES, {"ids": ids}).rowcount
    gone["notifications"] = connection.execute(DELETE_NOTIFICATIONS, {"ids": ended}).rowcount
    return gone


def _ranges(ids: Sequence[UUID], horizons: Horizons) -> Mapping[str, object]:
    """Where the siblings of each of these lie, and all of them together: that prunes the partitions."""
    ranges = [sibling_range(notification_id) for notification_id in ids]
    return {
        "ids": [*ids],
        "firsts": [keys.first for keys in ranges],
        "ends": [keys.end for keys in ranges],
        "first": min(keys.first for keys in ranges),
        "end": max(keys.end for keys in ranges),
        "horizon": horizons.closed,
    }
