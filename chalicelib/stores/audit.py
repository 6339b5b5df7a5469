"""The audit trail: one table in each store, so that an entry commits with its change, or not at all."""

from collections.abc import Mapping
from typing import LiteralString

import psycopg
from psycopg.types.json import Jsonb

from chalicelib.domain.audit import NewAudit

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
