"""Who may log in, in PostgreSQL."""

from uuid import UUID

from psycopg.rows import class_row

from chalicelib.domain.account import Account
from chalicelib.stores.postgres import Database

_FIND_BY_EMAIL = "SELECT id AS user_id, password_hash, is_admin FROM users.users WHERE email_key = %(email_key)s"

_FIND = "SELECT id AS user_id, password_hash, is_admin FROM users.users WHERE id = %(user_id)s"


class AccountStore:
    """Each method is one statement in autocommit. Raises DatabaseUnavailable when it cannot be run."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find_by_email(self, email_key: str) -> Account | None:
        """The person with this address, folded as `domain.user.email_key` does."""
        with self._database.session() as connection:
            found = connection.cursor(row_factory=class_row(Account))
            return found.execute(_FIND_BY_EMAIL, {"email_key": email_key}).fetchone()

    def find(self, user_id: UUID) -> Account | None:
        """The person as they are now."""
        with self._database.session() as connection:
            return connection.cursor(row_factory=class_row(Account)).execute(_FIND, {"user_id": user_id}).fetchone()
