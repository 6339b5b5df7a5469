"""People's devices in PostgreSQL. A push token is unique: it belongs to whoever registered it last.

Every change by a caller commits with its entry in the audit trail, or not at all.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import kwargs_row

from chalicelib.domain.audit import NewAudit
from chalicelib.domain.notification import Platform
from chalicelib.domain.user import MAX_DEVICES, Device, NewDevice
from chalicelib.errors import Conflict, NotFound
from chalicelib.stores.audit import write_audit
from chalicelib.stores.postgres import Database

# Devices of one person are registered one after the other, so that counting them decides.
_LOCK_OWNER: LiteralString = "SELECT id FROM users.users WHERE id = %(user_id)s FOR NO KEY UPDATE"

# Stores the device, or locks the one of this token as it is: then the answer tells whose it was.
_CLAIM: LiteralString = """
    INSERT INTO users.devices AS known (id, user_id, token, platform)
    VALUES (%(id)s, %(user_id)s, %(token)s, %(platform)s)
    ON CONFLICT (token) DO UPDATE SET updated_at = known.updated_at
    RETURNING id, user_id, token, platform, created_at, updated_at
"""

_COUNT_OTHERS: LiteralString = """
    SELECT count(*)
      FROM (SELECT FROM users.devices WHERE user_id = %(user_id)s AND token <> %(token)s LIMIT %(most)s) AS others
"""

_KEEP: LiteralString = """
    UPDATE users.devices SET platform = %(platform)s, updated_at = now() WHERE token = %(token)s
    RETURNING id, user_id, token, platform, created_at, updated_at
"""

_MOVE: LiteralString = """
    UPDATE users.devices
       SET id = %(id)s, user_id = %(user_id)s, platform = %(platform)s, created_at = now(), updated_at = now()
     WHERE token = %(token)s
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

    def register(self, device: NewDevice, *, audit: Callable[[Device, UUID | None], NewAudit]) -> Device:
        """Store a device, or move it here from its former registrant: then the id is new, else it stays.

        Raises:
            NotFound: there is no such person.
            Conflict: it is not theirs yet, and they have MAX_DEVICES others.
        """
        parameters = asdict(device)
        with self._database.session() as connection, connection.transaction():
            if connection.execute(_LOCK_OWNER, parameters).fetchone() is None:
                raise NotFound("There is no such user.", code="user_not_found")
            claimed = _returned(connection, _CLAIM, parameters)
            is_known = claimed.id != device.id
            is_own = is_known and claimed.user_id == device.user_id
            if not is_own:
                _require_room(connection, parameters)
            stored = _returned(connection, _KEEP if is_own else _MOVE, parameters) if is_known else claimed
            write_audit(connection, "users", audit(stored, claimed.user_id if is_known and not is_own else None))
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


def _returned(connection: psycopg.Connection, statement: LiteralString, parameters: dict[str, object]) -> Device:
    (device,) = connection.cursor(row_factory=kwargs_row(_device)).execute(statement, parameters)
    return device


def _require_room(connection: psycopg.Connection, parameters: dict[str, object]) -> None:
    (row,) = connection.execute(_COUNT_OTHERS, {**parameters, "most": MAX_DEVICES})
    if row[0] >= MAX_DEVICES:
        raise Conflict(f"This user has {MAX_DEVICES} devices, and may not have more.", code="too_many_devices")


def _device(*, platform: str, **columns: Any) -> Device:  # the columns of _NEWEST, as psycopg types them
    return Device(platform=Platform(platform), **columns)
