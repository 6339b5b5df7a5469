"""People's devices in PostgreSQL. A push token is unique: it belongs to whoever registered it last.

Every change by a caller commits with its entry in the audit trail, or not at all.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import kwargs_row

from chalicelib.domain.audit import NewAudit
from chalicelib.domain.notification import Platform
from chalicelib.domain.user import Device, NewDevice
from chalicelib.errors import NotFound
from chalicelib.stores.audit import write_audit
from chalicelib.stores.postgres import Database

_REGISTER = """
    INSERT INTO users.devices AS known (id, user_id, token, platform)
    VALUES (%(id)s, %(user_id)s, %(token)s, %(platform)s)
    ON CONFLICT (token) DO UPDATE
       SET id = CASE WHEN known.user_id = excluded.user_id THEN known.id ELSE excluded.id END,
           created_at = CASE WHEN known.user_id = excluded.user_id THEN known.created_at ELSE excluded.created_at END,
           user_id = excluded.user_id,
           platform = excluded.platform,
           updated_at = excluded.updated_at
    RETURNING id, user_id, token, platform, created_at, updated_at
"""

_HAS_USER = "SELECT EXISTS (SELECT FROM users.users WHERE id = %(user_id)s)"

_NEWEST = """
    SELECT id, user_id, token, platform, created_at, updated_at
      FROM users.devices
     WHERE user_id = %(user_id)s AND (%(before)s::uuid IS NULL OR id < %(before)s)
     ORDER BY id DESC
     LIMIT %(limit)s
"""

_DELETE = "DELETE FROM users.devices WHERE id = %(device_id)s AND user_id = %(user_id)s RETURNING id"


class DeviceStore:
    """Raises DatabaseUnavailable when a statement cannot be run."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def register(self, device: NewDevice, *, audit: Callable[[Device], NewAudit]) -> Device:
        """Store a device, or move it here from its former registrant: then the id is new, else it stays.

        Raises:
            NotFound: there is no such person.
        """
        with self._database.session() as connection, connection.transaction():
            cursor = connection.cursor(row_factory=kwargs_row(_device))
            try:
                (stored,) = cursor.execute(_REGISTER, asdict(device))
            except psycopg.errors.ForeignKeyViolation as error:
                raise NotFound("There is no such user.", code="user_not_found") from error
            write_audit(connection, "users", audit(stored))
        return stored

    def has_user(self, user_id: UUID) -> bool:
        with self._database.session() as connection:
            return bool(connection.execute(_HAS_USER, {"user_id": user_id}).fetchall()[0][0])

    def newest(self, user_id: UUID, *, before: UUID | None, limit: int) -> Sequence[Device]:
        """Up to `limit` devices of a person with smaller ids than `before`, the greatest id first."""
        parameters = {"user_id": user_id, "before": before, "limit": limit}
        with self._database.session() as connection:
            return connection.cursor(row_factory=kwargs_row(_device)).execute(_NEWEST, parameters).fetchall()

    def delete(self, user_id: UUID, device_id: UUID, *, audit: NewAudit) -> UUID | None:
        """Remove a person's device; its id, or None when they have no such device."""
        with self._database.session() as connection, connection.transaction():
            row = connection.execute(_DELETE, {"user_id": user_id, "device_id": device_id}).fetchone()
            if row is None:
                return None
            write_audit(connection, "users", audit)
        return device_id


def _device(*, platform: str, **columns: Any) -> Device:  # the columns of _NEWEST, as psycopg types them
    return Device(platform=Platform(platform), **columns)
