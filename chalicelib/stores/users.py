"""Registered people in PostgreSQL."""

import psycopg
from psycopg.rows import class_row

from chalicelib.domain.user import NewUser, User
from chalicelib.errors import Conflict
from chalicelib.stores.postgres import Database

_TAKEN = {
    "users_email_key_key": ("This e-mail address is registered already.", "email_taken"),
    "users_external_id_key": ("This external_id is in use already.", "external_id_taken"),
}

_INSERT = """
    INSERT INTO users.users (id, email, email_key, name, password_hash, locale, timezone, external_id)
    VALUES (%(id)s, %(email)s, %(email_key)s, %(name)s, %(password_hash)s, %(locale)s, %(timezone)s, %(external_id)s)
    RETURNING id, email, name, locale, timezone, external_id, revision, created_at, updated_at
"""


class UserStore:
    """Each method is one statement in autocommit. Raises DatabaseUnavailable when it cannot be run."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def insert(self, user: NewUser) -> User:
        """Store a person and return them as stored.

        Raises:
            Conflict: the address without case, or the external id, is taken.
        """
        parameters = {
            "id": user.id,
            "email": user.email,
            "email_key": user.email_key,
            "name": user.name,
            "password_hash": user.password_hash,
            "locale": user.locale,
            "timezone": user.timezone,
            "external_id": user.external_id,
        }
        with self._database.session() as connection:
            try:
                return connection.cursor(row_factory=class_row(User)).execute(_INSERT, parameters).fetchall()[0]
            except psycopg.errors.UniqueViolation as error:
                detail, code = _TAKEN[error.diag.constraint_name or ""]
                raise Conflict(detail, code=code) from error
