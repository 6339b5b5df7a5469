"""The failed archive: what nobody could deliver, kept until somebody looks at it."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import kwargs_row

from chalicelib.domain.delivery import Unreadable, Waiting
from chalicelib.domain.identity import new_id
from chalicelib.domain.notification import Channel, Status
from chalicelib.domain.storable import storable
from chalicelib.stores.postgres import Database

# The same message handed over twice is one record: its key is a digest of what it said and which message it was.
KEEP_UNREADABLE: LiteralString = """
    INSERT INTO notifications.failed (id, source_key, queue, reason, detail, body, correlation_id)
    VALUES (%(id)s, %(source_key)s, %(queue)s, %(reason)s, %(detail)s, %(body)s, %(correlation_id)s)
    ON CONFLICT (source_key) DO NOTHING
"""

SELECT_STATES: LiteralString = """
    SELECT d.id AS delivery_id, d.notification_id, d.channel, d.lane, d.ticket, d.status, n.correlation_id
    FROM notifications.deliveries d JOIN notifications.notifications n ON n.id = d.notification_id
    WHERE d.id = ANY (%(ids)s)
"""


class ArchiveStore:
    """Writing side of the archive."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def keep_unreadable(self, messages: Sequence[Unreadable], *, at: datetime) -> None:
        """Store messages with their bytes, each once however often it is handed over."""
        with self._database.session() as connection, connection.transaction():
            connection.cursor().executemany(KEEP_UNREADABLE, [_packed(message, at) for message in messages])

    def find_states(self, delivery_ids: Collection[UUID]) -> Mapping[UUID, tuple[Status, Waiting]]:
        """The state of each delivery that exists, and what a message for it would say now."""
        with self._database.session() as connection:
            cursor = connection.cursor(row_factory=kwargs_row(_state)).execute(
                SELECT_STATES, {"ids": list(delivery_ids)}
            )
            return {row.delivery_id: (status, row) for status, row in cursor}


def _packed(message: Unreadable, at: datetime) -> Mapping[str, object]:
    digest = hashlib.sha256((message.message_id or "").encode() + b"\0" + message.body).hexdigest()
    return {
        "id": new_id(at),
        "source_key": f"sha256:{digest}",
        "queue": storable(message.queue),
        "reason": storable(message.reason),
        "detail": storable(message.detail),
        "body": message.body,
        "correlation_id": storable(message.correlation_id),
    }


def _state(*, status: str, channel: str, **columns: Any) -> tuple[Status, Waiting]:  # Any: the statement's columns
    return Status(status), Waiting(channel=Channel(channel), **columns)
