"""What is past its time and belongs to no notification: idempotency keys, messages nobody could read, audit entries.

Each is deleted by a bounded number of rows at a time, the oldest first. What somebody else has locked is left out, so
that several may delete at once.
"""

from collections import Counter
from typing import LiteralString

from psycopg import sql

from chalicelib.domain.identity import first_key_at
from chalicelib.domain.retention import Horizons
from chalicelib.stores.ended_notifications import failures_of
from chalicelib.stores.postgres import Database

DELETE_KEYS: LiteralString = """
    WITH old AS (
        SELECT client_id, key FROM notifications.idempotency_keys
        WHERE expires_at <= now() ORDER BY expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    DELETE FROM notifications.idempotency_keys k USING old WHERE k.client_id = old.client_id AND k.key = old.key
"""

DELETE_UNREADABLE: LiteralString = """
    WITH old AS (
        SELECT id FROM notifications.failed
        WHERE created_at < %(horizon)s AND updated_at < %(horizon)s AND notification_id IS NULL
        ORDER BY created_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    DELETE FROM notifications.failed f USING old WHERE f.id = old.id
    RETURNING f.state
"""

_DELETE_AUDIT = sql.SQL("""
    WITH old AS (
        SELECT id FROM {trail} WHERE id < %(before)s ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    DELETE FROM {trail} a USING old WHERE a.id = old.id
""")


class ExpiredKeyStore:
    """Idempotency keys live as long as was promised with them, whatever becomes of their notifications."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def delete(self, _horizons: Horizons, *, limit: int) -> Counter[str]:
        """Delete up to `limit` keys whose time is over. Raises: DatabaseUnavailable."""
        with self._database.session() as connection:
            return Counter(idempotency_keys=connection.execute(DELETE_KEYS, {"limit": limit}).rowcount)


class UnreadableStore:
    """Records of the failed archive that have no notification."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def delete(self, horizons: Horizons, *, limit: int) -> Counter[str]:
        """Delete up to `limit` that came, and were last decided about, before the horizon. Raises:
        DatabaseUnavailable.
        """
        parameters = {"horizon": horizons.closed, "limit": limit}
        with self._database.session() as connection:
            return failures_of(row[0] for row in connection.execute(DELETE_UNREADABLE, parameters))


class OldAuditStore:
    """The audit trail of one store."""

    def __init__(self, *, database: Database, store: str) -> None:
        self._database = database
        self._delete = _DELETE_AUDIT.format(trail=sql.Identifier(store, "audit"))

    def delete(self, horizons: Horizons, *, limit: int) -> Counter[str]:
        """Delete up to `limit` entries older than the trail's own horizon. Raises: DatabaseUnavailable."""
        parameters = {"before": first_key_at(horizons.audit), "limit": limit}
        with self._database.session() as connection:
            return Counter(audit=connection.execute(self._delete, parameters).rowcount)
