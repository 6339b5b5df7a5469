"""The audit trail: one table in each store, so that an entry commits with its change, or not at all."""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import kwargs_row
from psycopg.types.json import Jsonb

from chalicelib.domain.audit import Audit, NewAudit
from chalicelib.domain.identity import KeyRange, moment_of
from chalicelib.stores.postgres import Database

_INSERTS: Mapping[str, LiteralString] = {
    "users": """
        INSERT INTO users.audit (id, actor, action, target, correlation_id, detail)
        VALUES (%(id)s, %(actor)s, %(action)s, %(target)s, %(correlation_id)s, %(detail)s)
    """,
    "templates": """
        INSERT INTO templates.audit (id, actor, action, target, correlation_id, detail)
        VALUES (%(id)s, %(actor)s, %(action)s, %(target)s, %(correlation_id)s, %(detail)s)
    """,
    "notifications": """
        INSERT INTO notifications.audit (id, actor, action, target, correlation_id, detail)
        VALUES (%(id)s, %(actor)s, %(action)s, %(target)s, %(correlation_id)s, %(detail)s)
    """,
}

_NEWEST = sql.SQL("""
    SELECT id, actor, action, target, correlation_id, detail
    FROM {trail}
    WHERE id >= %(first)s AND id < %(end)s
      AND (%(actor)s::text IS NULL OR actor = %(actor)s)
      AND (%(action)s::text IS NULL OR action = %(action)s)
    ORDER BY id DESC
    LIMIT %(limit)s
""")


class AuditStore:
    """Reads the trail of one store."""

    def __init__(self, *, database: Database, store: str) -> None:
        self._database = database
        self._newest = _NEWEST.format(trail=sql.Identifier(store, "audit"))

    def newest(self, keys: KeyRange, *, actor: str | None, action: str | None, limit: int) -> Sequence[Audit]:
        """Up to `limit` entries with ids in that range, the greatest id first. Raises: DatabaseUnavailable."""
        parameters = {"first": keys.first, "end": keys.end, "actor": actor, "action": action, "limit": limit}
        with self._database.session() as connection:
            return connection.cursor(row_factory=kwargs_row(_entry)).execute(self._newest, parameters).fetchall()


class AuditOnlyStore:
    """Writes entries of changes that are not in a database: they have no transaction to share."""

    def __init__(self, *, database: Database, store: str) -> None:
        self._database = database
        self._store = store

    def write(self, entry: NewAudit) -> None:
        """Raises: DatabaseUnavailable."""
        with self._database.session() as connection:
            write_audit(connection, self._store, entry)


def _entry(*, id: UUID, **columns: Any) -> Audit:  # noqa: A002  Any, and the name: as the columns of _NEWEST are
    return Audit(id=id, at=moment_of(id), **columns)


def write_audit(connection: psycopg.Connection, store: str, entry: NewAudit) -> None:
    """Write an entry into the trail of `store` ("users", "templates" or "notifications").

    To be called inside the transaction of the change.
    """
    connection.execute(
        _INSERTS[store],
        {
            "id": entry.id,
            "actor": entry.actor.name,
            "action": entry.action,
            "target": entry.target,
            "correlation_id": entry.actor.correlation_id,
            "detail": Jsonb(entry.detail),
        },
    )
