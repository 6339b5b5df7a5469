"""Erasing a person from the store of notifications: what happened stays, to whom and with which words does not.

A delivery that is being sent is left to its worker, which has read what it needs, and this attempt is the last.
"""

from collections.abc import Collection, Mapping
from typing import LiteralString
from uuid import UUID

import psycopg

from chalicelib.domain.identity import sibling_range
from chalicelib.stores.postgres import Database

_FIND: LiteralString = """
    SELECT id FROM notifications.notifications WHERE user_id = %(user_id)s ORDER BY id DESC LIMIT %(limit)s
"""

_HOLD: LiteralString = """
    SELECT id FROM notifications.notifications
     WHERE id = ANY (%(ids)s) AND user_id = %(user_id)s ORDER BY id FOR UPDATE
"""

# Siblings share their notification's millisecond: the ranges find them in one partition. OFFSET 0 keeps the ranges from
# becoming a join, for which PostgreSQL, knowing nothing of siblings, reads whole partitions.
_FIND_OPEN: LiteralString = """
    SELECT d.id
      FROM unnest(%(ids)s::uuid[], %(firsts)s::uuid[], %(ends)s::uuid[]) AS w (id, first_key, end_key)
      CROSS JOIN LATERAL (
          SELECT id FROM notifications.deliveries
           WHERE id >= w.first_key AND id < w.end_key AND notification_id = w.id AND wake_at IS NOT NULL OFFSET 0) AS d
"""

_FIND_DETAILS: LiteralString = """
    SELECT e.id
      FROM unnest(%(ids)s::uuid[], %(firsts)s::uuid[], %(ends)s::uuid[]) AS w (id, first_key, end_key)
      CROSS JOIN LATERAL (
          SELECT id FROM notifications.events
           WHERE id >= w.first_key AND id < w.end_key AND notification_id = w.id AND detail IS NOT NULL OFFSET 0) AS e
"""

# The rows are locked in the order of their ids, as everywhere; the ticket grows, which voids every message about them.
# What is in a worker's hands is marked, so that this attempt is the last; being locked, it cannot be settled meanwhile.
_CANCEL: LiteralString = """
    WITH locked AS (
        SELECT id, status FROM notifications.deliveries
        WHERE id = ANY (%(open_ids)s) AND wake_at IS NOT NULL
        ORDER BY id FOR UPDATE
    ), last_attempt AS (
        UPDATE notifications.deliveries d SET cancel_requested_at = now()
        FROM locked WHERE d.id = locked.id AND d.id = ANY (%(open_ids)s) AND locked.status = 'sending'
        RETURNING d.id, d.notification_id, d.attempts + 1 AS attempt, 'cancel_requested' AS event
    ), cancelled AS (
        UPDATE notifications.deliveries d
        SET status = 'cancelled', reason = 'erased', wake_at = NULL, ticket = d.ticket + 1, updated_at = now()
        FROM locked WHERE d.id = locked.id AND d.id = ANY (%(open_ids)s) AND locked.status <> 'sending'
        RETURNING d.id, d.notification_id, d.attempts AS attempt, 'cancelled' AS event
    ), changed AS (
        SELECT * FROM cancelled UNION ALL SELECT * FROM last_attempt
    ), events AS (
        INSERT INTO notifications.events (id, notification_id, delivery_id, event, attempt, reason, correlation_id)
        SELECT notifications.sibling(c.notification_id), c.notification_id, c.id, c.event, c.attempt, 'erased',
               n.correlation_id
        FROM changed c JOIN notifications.notifications n ON n.id = c.notification_id AND n.id = ANY (%(ids)s)
        ORDER BY c.id
    )
    SELECT DISTINCT notification_id FROM last_attempt
"""

# A provider may have echoed what it was given, and a template what it could not use.
_FORGET_DETAILS: LiteralString = "UPDATE notifications.events SET detail = NULL WHERE id = ANY (%(detail_ids)s)"

_FORGET_FAILED: LiteralString = """
    UPDATE notifications.failed SET detail = '', body = NULL, updated_at = now()
     WHERE notification_id = ANY (%(ids)s) AND (detail <> '' OR body IS NOT NULL)
"""

# A key is a text of the caller's choice, and may well be made of an address.
_FORGET_KEYS: LiteralString = "DELETE FROM notifications.idempotency_keys WHERE notification_id = ANY (%(ids)s)"

# What is in a worker's hands stays findable as the person's: its outcome is still to be erased, too.
_FORGET: LiteralString = """
    UPDATE notifications.notifications
       SET recipient = NULL, variables = '{}', metadata = '{}',
           user_id = CASE WHEN id = ANY (%(in_hand)s) THEN user_id END
     WHERE id = ANY (%(ids)s)
"""


class NotificationErasureStore:
    """Correct beside workers, relays, and other erasures of the same person."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find(self, user_id: UUID, *, limit: int) -> list[UUID]:
        """Up to `limit` of a person's notifications, the newest first."""
        with self._database.session() as connection:
            return _ids(connection, _FIND, {"user_id": user_id, "limit": limit})

    def erase(self, user_id: UUID, notification_ids: Collection[UUID]) -> int:
        """Erase a person from those of the notifications that are theirs, in one transaction.

        Returns how many are nobody's now. The others stay theirs, by their id alone, until a worker is done with them.

        Raises:
            DatabaseUnavailable: nothing changed, or it is not known whether it did; repeating it is right.
        """
        with self._database.session() as connection, connection.transaction():
            held = _ids(connection, _HOLD, {"user_id": user_id, "ids": list(notification_ids)})
            return _erase(connection, held)


def _erase(connection: psycopg.Connection, ids: list[UUID]) -> int:
    ranges = [sibling_range(notification_id) for notification_id in ids]
    siblings = {
        "ids": ids,
        "firsts": [keys.first for keys in ranges],
        "ends": [keys.end for keys in ranges],
    }
    open_ids = _ids(connection, _FIND_OPEN, siblings)
    in_hand = _ids(connection, _CANCEL, {"ids": ids, "open_ids": open_ids})
    detail_ids = _ids(connection, _FIND_DETAILS, siblings)  # after the lock: nothing settles any more
    connection.execute(_FORGET_DETAILS, {"detail_ids": detail_ids})
    for statement in (_FORGET_FAILED, _FORGET_KEYS, _FORGET):
        connection.execute(statement, {"ids": ids, "in_hand": in_hand})
    return len(ids) - len(in_hand)


def _ids(connection: psycopg.Connection, statement: LiteralString, parameters: Mapping[str, object]) -> list[UUID]:
    return [row[0] for row in connection.execute(statement, parameters)]
