"""API clients in PostgreSQL. One that was revoked stays as a row, and is found by nobody any more."""

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import kwargs_row

from chalicelib.domain.audit import NewAudit
from chalicelib.domain.client import OVERLAP_S, ApiClient, ClientState, NewClient, RegisteredClient
from chalicelib.domain.principal import Scope
from chalicelib.domain.rate import Rate
from chalicelib.stores.audit import write_audit
from chalicelib.stores.postgres import Database

_FIND = """
    SELECT id, name, scopes, secret_hash,
           CASE WHEN previous_expires_at > now() THEN previous_secret_hash END AS previous_secret_hash
      FROM users.clients WHERE id = %(client_id)s AND revoked_at IS NULL
"""

_FIND_STATE = "SELECT rate_limit FROM users.clients WHERE id = %(client_id)s AND revoked_at IS NULL"

_INSERT = """
    INSERT INTO users.clients (id, key, name, scopes, rate_limit, secret_hash)
    VALUES (%(client_id)s, %(key)s, %(name)s, %(scopes)s, %(rate_limit)s, %(secret_hash)s)
    RETURNING id, key, name, scopes, rate_limit, created_at, updated_at
"""

_FIND_REGISTERED = """
    SELECT id, key, name, scopes, rate_limit, created_at, updated_at
      FROM users.clients WHERE id = %(client_id)s AND revoked_at IS NULL
"""

_NEWEST = """
    SELECT id, key, name, scopes, rate_limit, created_at, updated_at
      FROM users.clients
     WHERE revoked_at IS NULL AND (%(before)s::uuid IS NULL OR key < %(before)s)
     ORDER BY key DESC LIMIT %(limit)s
"""

_ROTATE = """
    UPDATE users.clients
       SET previous_secret_hash = secret_hash, previous_expires_at = now() + make_interval(secs => %(overlap_s)s),
           secret_hash = %(secret_hash)s, updated_at = now()
     WHERE id = %(client_id)s AND revoked_at IS NULL
    RETURNING id, key, name, scopes, rate_limit, created_at, updated_at
"""

_REVOKE = """
    UPDATE users.clients SET revoked_at = now(), updated_at = now()
     WHERE id = %(client_id)s AND revoked_at IS NULL
    RETURNING id, key, name, scopes, rate_limit, created_at, updated_at
"""


class ClientStore:
    """A change and its audit entry are one transaction. Raises DatabaseUnavailable when nothing can be done."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find(self, client_id: str) -> ApiClient | None:
        """The client with its credentials, unless it was revoked."""
        with self._database.session() as connection:
            rows = connection.execute(_FIND, {"client_id": client_id}).fetchall()
        if not rows:
            return None
        identifier, name, scopes, secret_hash, previous_secret_hash = rows[0]
        return ApiClient(identifier, name, frozenset(map(Scope, scopes)), secret_hash, previous_secret_hash)

    def find_state(self, client_id: str) -> ClientState | None:
        """What has to be known of the client at a request, unless it was revoked."""
        with self._database.session() as connection:
            rows = connection.execute(_FIND_STATE, {"client_id": client_id}).fetchall()
        if not rows:
            return None
        (rate_limit,) = rows[0]
        return ClientState(rate=None if rate_limit is None else Rate.parse(rate_limit))

    def find_registered(self, client_id: str) -> RegisteredClient | None:
        """The client as its administrators see it, unless it was revoked."""
        with self._database.session() as connection:
            found = connection.cursor(row_factory=kwargs_row(_registered))
            return found.execute(_FIND_REGISTERED, {"client_id": client_id}).fetchone()

    def newest(self, *, before: UUID | None, limit: int) -> Sequence[RegisteredClient]:
        """Up to `limit` clients with smaller keys than `before`, the greatest key first."""
        with self._database.session() as connection:
            found = connection.cursor(row_factory=kwargs_row(_registered))
            return found.execute(_NEWEST, {"before": before, "limit": limit}).fetchall()

    def insert(self, client: NewClient, *, audit: NewAudit) -> RegisteredClient:
        """Register a client, and return it as it is stored."""
        parameters = {
            "client_id": str(client.id),
            "key": client.id,
            "name": client.name,
            "scopes": sorted(client.scopes),
            "rate_limit": client.rate_limit,
            "secret_hash": client.secret_hash,
        }
        return self._changed(_INSERT, parameters, audit)[0]

    def rotate(self, client_id: str, *, secret_hash: bytes, audit: NewAudit) -> RegisteredClient | None:
        """Give the client another secret. The one it has stays good for OVERLAP_S; the one before that is dead now."""
        parameters = {"client_id": client_id, "secret_hash": secret_hash, "overlap_s": OVERLAP_S}
        return next(iter(self._changed(_ROTATE, parameters, audit)), None)

    def revoke(self, client_id: str, *, audit: NewAudit) -> RegisteredClient | None:
        """Revoke the client; None when there was none to be revoked."""
        return next(iter(self._changed(_REVOKE, {"client_id": client_id}, audit)), None)

    def _changed(
        self, statement: LiteralString, parameters: dict[str, object], audit: NewAudit
    ) -> list[RegisteredClient]:
        with self._database.session() as connection, connection.transaction():
            cursor = connection.cursor(row_factory=kwargs_row(_registered))
            rows = cursor.execute(statement, parameters).fetchall()
            if rows:
                write_audit(connection, "users", audit)
        return rows


def _registered(scopes: Sequence[str], **columns: Any) -> RegisteredClient:  # Any: each column's own type
    return RegisteredClient(scopes=frozenset(map(Scope, scopes)), **columns)
