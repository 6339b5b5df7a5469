"""The first administrator and the first API client, each added once."""

from typing import LiteralString
from uuid import UUID

from chalicelib.domain.client import ApiClient
from chalicelib.stores.postgres import Database

ADD_ADMIN: LiteralString = """
    INSERT INTO users.users (id, email, email_key, name, password_hash, timezone, is_admin)
    VALUES (%(id)s, %(email)s, lower(%(email)s), 'Administrator', %(password_hash)s, 'UTC', true)
    ON CONFLICT (email_key) DO NOTHING
"""

ADD_CLIENT: LiteralString = """
    INSERT INTO users.clients (id, name, scopes, secret_hash)
    VALUES (%(id)s, %(name)s, %(scopes)s, %(secret_hash)s)
    ON CONFLICT (id) DO NOTHING
"""


class FounderStore:
    """Adds, and never changes."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def add_admin(self, user_id: UUID, *, email: str, password_hash: str) -> None:
        with self._database.session() as connection:
            connection.execute(ADD_ADMIN, {"id": user_id, "email": email, "password_hash": password_hash})

    def add_client(self, client: ApiClient) -> None:
        with self._database.session() as connection:
            connection.execute(
                ADD_CLIENT,
                {
                    "id": client.id,
                    "name": client.name,
                    "scopes": sorted(client.scopes),
                    "secret_hash": client.secret_hash,
                },
            )
