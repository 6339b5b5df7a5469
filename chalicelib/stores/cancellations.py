"""Cancels what has not been sent yet."""

from typing import LiteralString
from uuid import UUID

from chalicelib.domain.audit import Actor, NewAudit
from chalicelib.domain.identity import sibling_range
from chalicelib.domain.notification import WAITING
from chalicelib.stores.audit import write_audit
from chalicelib.stores.postgres import Database

# The ticket grows, so that whatever message is under way for the row is void. A row in a worker's hands is only marked:
# its settlement reads the mark. Rows are locked in the order of their ids, as by everybody else.
CANCEL: LiteralString = """
    WITH locked AS (
        SELECT id, status FROM notifications.deliveries
        WHERE id >= %(first)s AND id < %(end)s AND notification_id = %(notification_id)s
              AND (status = ANY (%(waiting)s) OR status = 'sending' AND cancel_requested_at IS NULL)
        ORDER BY id FOR UPDATE
    ), stopped AS (
        UPDATE notifications.deliveries d
        SET status = 'cancelled', ticket = d.ticket + 1, wake_at = NULL, reason = NULL, updated_at = now()
        FROM locked
        WHERE d.id = locked.id AND locked.status <> 'sending' AND d.id >= %(first)s AND d.id < %(end)s
        RETURNING d.id, d.attempts, 'cancelled' AS event
    ), marked AS (
        UPDATE notifications.deliveries d
        SET cancel_requested_at = now(), updated_at = now()
        FROM locked
        WHERE d.id = locked.id AND locked.status = 'sending' AND d.id >= %(first)s AND d.id < %(end)s
        RETURNING d.id, d.attempts + 1 AS attempts, 'cancel_requested' AS event
    ), changed AS (
        SELECT * FROM stopped UNION ALL SELECT * FROM marked
    ), events AS (
        INSERT INTO notifications.events (id, notification_id, delivery_id, event, attempt, correlation_id)
        SELECT notifications.sibling(%(notification_id)s), %(notification_id)s, id, event, attempts, %(correlation_id)s
        FROM changed ORDER BY id
    )
    SELECT count(*) FILTER (WHERE event = 'cancelled') FROM changed
"""


class CancellationStore:
    """Correct against any number of workers, relays and other cancellations at once."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def cancel(self, notification_id: UUID, *, by: Actor, audit: NewAudit) -> int:
        """Stop every delivery that is not being sent, mark those that are, and return how many were stopped.

        One transaction, which also holds the audit entry when anything was stopped. Repeating it changes nothing.
        """
        keys = sibling_range(notification_id)
        parameters = {
            "notification_id": notification_id,
            "first": keys.first,
            "end": keys.end,
            "waiting": sorted(WAITING),
            "correlation_id": by.correlation_id,
        }
        with self._database.session() as connection, connection.transaction():
            row = connection.execute(CANCEL, parameters).fetchone()
            stopped = int(row[0]) if row is not None else 0
            if stopped:
                write_audit(connection, "notifications", audit)
        return stopped
