"""Discards: the decision that what failed stays failed."""

from typing import LiteralString
from uuid import UUID

from chalicelib.domain.audit import Actor, NewAudit
from chalicelib.domain.failure import FailureState
from chalicelib.stores.audit import write_audit
from chalicelib.stores.postgres import Database

LOCK: LiteralString = "SELECT state FROM notifications.failed WHERE id = %(failure_id)s FOR UPDATE"

DISCARD: LiteralString = """
    WITH discarded AS (
        UPDATE notifications.failed SET state = 'discarded', closed_at = now(), updated_at = now()
        WHERE id = %(failure_id)s
        RETURNING delivery_id
    )
    INSERT INTO notifications.events (id, notification_id, delivery_id, event, attempt, correlation_id)
    SELECT notifications.sibling(d.notification_id), d.notification_id, d.id, 'discarded', d.attempts,
           %(correlation_id)s
    FROM discarded JOIN notifications.deliveries d ON d.id = discarded.delivery_id
"""


class DiscardStore:
    """Correct against replays and other discards at once: the record is locked, and the first decides."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def discard(self, failure_id: UUID, *, by: Actor, audit: NewAudit) -> FailureState | None:
        """Discard a record that is `failed`, with its event and audit entry, in one transaction.

        Returns the state in which it was found; None when there is no such record. Repeating it changes nothing.
        """
        with self._database.session() as connection, connection.transaction():
            row = connection.execute(LOCK, {"failure_id": failure_id}).fetchone()
            if row is None:
                return None
            found = FailureState(row[0])
            if found is FailureState.FAILED:
                connection.execute(DISCARD, {"failure_id": failure_id, "correlation_id": by.correlation_id})
                write_audit(connection, "notifications", audit)
        return found
