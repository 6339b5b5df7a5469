"""Erasing a person from the store of people, and the list of those who are still to be erased from everywhere else."""

from typing import LiteralString
from uuid import UUID

from psycopg.rows import class_row

from chalicelib.domain.audit import NewAudit
from chalicelib.domain.erasure import REPEATED_EVERY, REPEATED_FOR, PendingErasure
from chalicelib.errors import Forbidden, NotFound, PreconditionFailed
from chalicelib.stores.administrators import is_last_administrator, last_administrator
from chalicelib.stores.audit import write_audit
from chalicelib.stores.postgres import Database

_IS_ADMIN: LiteralString = "SELECT is_admin FROM users.users WHERE id = %(user_id)s"

_LOCK: LiteralString = "SELECT is_admin, revision FROM users.users WHERE id = %(user_id)s FOR UPDATE"

# Devices and preferences go with the person.
_DELETE: LiteralString = "DELETE FROM users.users WHERE id = %(user_id)s"

_NOTE: LiteralString = "INSERT INTO users.erasures (user_id) VALUES (%(user_id)s) ON CONFLICT (user_id) DO NOTHING"

# Everybody has their turn: who was tried last is tried again when all others were, and not at every tick of relay.
_TAKE_PENDING: LiteralString = """
    WITH next AS (
        SELECT user_id FROM users.erasures
        WHERE tried_at IS NULL OR tried_at <= now() - %(repeated_every)s
        ORDER BY tried_at NULLS FIRST, requested_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    UPDATE users.erasures e SET tried_at = now() FROM next WHERE e.user_id = next.user_id
    RETURNING e.user_id, e.requested_at < now() - %(repeated_for)s AS is_last
"""

_FINISH: LiteralString = "DELETE FROM users.erasures WHERE user_id = %(user_id)s"


class ErasureStore:
    """Raises DatabaseUnavailable when a statement cannot be run."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def begin(self, user_id: UUID, *, if_match: frozenset[int] | None, may_erase_admins: bool, audit: NewAudit) -> None:
        """Delete a person with all that is theirs, and note in the same transaction what else there is to do.

        Raises:
            NotFound: there is no such person.
            Forbidden: they are an administrator, and may not be erased here.
            PreconditionFailed: the stored revision is none of `if_match`.
            Conflict: they are an administrator, and nobody else is; or they became one at this very moment.
        """
        parameters = {"user_id": user_id}
        with self._database.session() as connection, connection.transaction():
            # administrators are locked before the person is, never after: who locks several does it in one order
            was_admin = any(row[0] for row in connection.execute(_IS_ADMIN, parameters))
            is_last = not was_admin or is_last_administrator(connection, user_id)
            row = connection.execute(_LOCK, parameters).fetchone()
            if row is None:
                raise NotFound("There is no such user.", code="user_not_found")
            is_admin, revision = row
            if is_admin and not may_erase_admins:
                raise Forbidden("Only an administrator erases an administrator.", code="insufficient_scope")
            if if_match is not None and revision not in if_match:
                raise PreconditionFailed("The user has changed since you read it.")
            if is_admin and is_last:
                raise last_administrator()
            connection.execute(_DELETE, parameters)
            connection.execute(_NOTE, parameters)
            write_audit(connection, "users", audit)

    def take_pending(self, *, limit: int) -> list[PendingErasure]:
        """Those who are still to be erased elsewhere, whose last try is the longest ago, and half a minute at least."""
        parameters = {"limit": limit, "repeated_for": REPEATED_FOR, "repeated_every": REPEATED_EVERY}
        with self._database.session() as connection:
            taken = connection.cursor(row_factory=class_row(PendingErasure)).execute(_TAKE_PENDING, parameters)
            return taken.fetchall()

    def finish(self, user_id: UUID) -> None:
        """Note that nothing is left to do. Repeating it is harmless."""
        with self._database.session() as connection:
            connection.execute(_FINISH, {"user_id": user_id})
