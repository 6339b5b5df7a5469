"""The first administrator and the first API client, each added once."""

from collections.abc import Mapping
from typing import LiteralString
from uuid import UUID

from chalicelib.domain.audit import NewAudit
from chalicelib.domain.client import ApiClient
from chalicelib.domain.user import email_key
from chalicelib.stores.audit import write_audit
from chalicelib.stores.postgres import Database

_ADD_ADMIN: LiteralString = """
    INSERT INTO users.users (id, email, email_key, name, password_hash, timezone, is_admin)
    VALUES (%(id)s, %(email)s, %(email_key)s, 'Administrator', %(password_hash)s, 'UTC', true)
    ON CONFLICT (email_key) DO NOTHING
    RETURNING id::text
"""

_ADD_CLIENT: LiteralString = """
    INSERT INTO users.clients (id, name, scopes, secret_hash)
    VALUES (%(id)s, %(name)s, %(scopes)s, %(secret_hash)s)
    ON CONFLICT (id) DO NOTHING
    RETURNING id
"""

_FIND_EMAIL: LiteralString = "SELECT id::text FROM users.users WHERE email_key = %(email_key)s"


class FounderStore:
    """Adds, and never changes. What is added and its audit entry are one transaction. Raises DatabaseUnavailable."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def has_person(self, email: str) -> bool:
        """Whether the address belongs to somebody, an administrator or not."""
        with self._database.session() as connection:
            return bool(connection.execute(_FIND_EMAIL, {"email_key": email_key(email)}).fetchall())

    def add_admin(self, user_id: UUID, *, email: str, password_hash: str, audit: NewAudit) -> bool:
        """Whether the administrator was added; not when the address belongs to somebody already."""
        parameters = {
            "id": user_id,
            "email": email,
            "email_key": email_key(email),
            "password_hash": password_hash,
        }
        return self._added(_ADD_ADMIN, parameters, audit)

    def add_client(self, client: ApiClient, *, audit: NewAudit) -> bool:
        """Whether the client was added; not when its id is taken."""
        parameters = {
            "id": client.id,
            "name": client.name,
            "scopes": sorted(client.scopes),
            "secret_hash": client.secret_hash,
        }
        return self._added(_ADD_CLIENT, parameters, audit)

    def _added(self, statement: LiteralString, parameters: Mapping[str, object], audit: NewAudit) -> bool:
        with self._database.session() as connection, connection.transaction():
            is_new = bool(connection.execute(statement, parameters).fetchall())
            if is_new:
                write_audit(connection, "users", audit)
        return is_new
