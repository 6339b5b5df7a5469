"""API clients in PostgreSQL."""

from chalicelib.domain.client import ApiClient
from chalicelib.domain.principal import Scope
from chalicelib.stores.postgres import Database

_FIND = "SELECT id, name, scopes, secret_hash FROM users.clients WHERE id = %(client_id)s AND revoked_at IS NULL"


class ClientStore:
    """Each method is one statement in autocommit. Raises DatabaseUnavailable when it cannot be run."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find(self, client_id: str) -> ApiClient | None:
        """The client, unless it was revoked."""
        with self._database.session() as connection:
            rows = connection.execute(_FIND, {"client_id": client_id}).fetchall()
        if not rows:
            return None
        identifier, name, scopes, secret_hash = rows[0]
        granted = frozenset(Scope(scope) for scope in scopes)
        return ApiClient(id=identifier, name=name, scopes=granted, secret_hash=secret_hash)
