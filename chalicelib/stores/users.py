"""Registered people in PostgreSQL. Every change commits with its entry in the audit trail, or not at all."""

from collections.abc import Mapping, Sequence
from typing import LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from chalicelib.domain.audit import NewAudit
from chalicelib.domain.user import NewUser, User, UserChanges, UserField, UserFilter, email_key
from chalicelib.errors import Conflict, Forbidden, NotFound, PreconditionFailed, RequestRefused
from chalicelib.stores.administrators import has_other_administrators, is_last_administrator, last_administrator
from chalicelib.stores.audit import write_audit
from chalicelib.stores.postgres import Database

# No statement here breaks a constraint on purpose: PostgreSQL would write the address into its log.
_INSERT: LiteralString = """
    INSERT INTO users.users (id, email, email_key, name, password_hash, locale, timezone, external_id, is_admin)
    VALUES (%(id)s, %(email)s, %(email_key)s, %(name)s, %(password_hash)s, %(locale)s, %(timezone)s, %(external_id)s,
            %(is_admin)s)
    ON CONFLICT DO NOTHING
    RETURNING id, email, name, locale, timezone, external_id, is_admin, revision, created_at, updated_at
"""

_FIND: LiteralString = """
    SELECT id, email, name, locale, timezone, external_id, is_admin, revision, created_at, updated_at
      FROM users.users WHERE id = %(user_id)s
"""

# Conditions are judged on the row as it is when it is changed: of two who read one revision, one changes it.
_UPDATE: LiteralString = """
    UPDATE users.users
       SET email = CASE WHEN 'email' = ANY (%(given)s) THEN %(email)s ELSE email END,
           email_key = CASE WHEN 'email' = ANY (%(given)s) THEN %(email_key)s ELSE email_key END,
           name = CASE WHEN 'name' = ANY (%(given)s) THEN %(name)s ELSE name END,
           password_hash = CASE WHEN 'password' = ANY (%(given)s) THEN %(password_hash)s
                                WHEN 'is_admin' = ANY (%(given)s) AND %(is_admin)s AND NOT is_admin THEN NULL
                                ELSE password_hash END,
           locale = CASE WHEN 'locale' = ANY (%(given)s) THEN %(locale)s ELSE locale END,
           timezone = CASE WHEN 'timezone' = ANY (%(given)s) THEN %(timezone)s ELSE timezone END,
           external_id = CASE WHEN 'external_id' = ANY (%(given)s) THEN %(external_id)s ELSE external_id END,
           is_admin = CASE WHEN 'is_admin' = ANY (%(given)s) THEN %(is_admin)s ELSE is_admin END,
           revision = revision + 1,
           updated_at = now()
     WHERE id = %(user_id)s
           AND (%(if_match)s::bigint[] IS NULL OR revision = ANY (%(if_match)s))
           AND (%(may_change_admins)s OR NOT is_admin)
           AND NOT (is_admin AND %(would_leave_none)s)
           AND NOT EXISTS (SELECT FROM users.users AS other
                            WHERE other.email_key = %(email_key)s AND other.id <> %(user_id)s)
           AND NOT EXISTS (SELECT FROM users.users AS other
                            WHERE other.external_id = %(external_id)s AND other.id <> %(user_id)s)
    RETURNING id, email, name, locale, timezone, external_id, is_admin, revision, created_at, updated_at
"""

_HAS_EMAIL: LiteralString = """
    SELECT EXISTS (SELECT FROM users.users WHERE email_key = %(email_key)s AND id <> %(user_id)s)
"""

_NEWEST: LiteralString = """
    SELECT id, email, name, locale, timezone, external_id, is_admin, revision, created_at, updated_at
      FROM users.users
     WHERE (%(email_key)s::text IS NULL OR email_key = %(email_key)s)
           AND (%(external_id)s::text IS NULL OR external_id = %(external_id)s)
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
     ORDER BY id DESC
     LIMIT %(limit)s
"""

Parameters = Mapping[str, object]


class UserStore:
    """Raises DatabaseUnavailable when a statement cannot be run."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def insert(self, user: NewUser, *, audit: NewAudit) -> User:
        """Store a person and return them as stored.

        Raises:
            Conflict: the address without case, or the external id, is taken.
        """
        parameters = {
            "id": user.id,
            "user_id": user.id,
            "email": user.email,
            "email_key": user.email_key,
            "name": user.name,
            "password_hash": user.password_hash,
            "locale": user.locale,
            "timezone": user.timezone,
            "external_id": user.external_id,
            "is_admin": user.is_admin,
        }
        with self._database.session() as connection, connection.transaction():
            stored = _run(connection, _INSERT, parameters)
            if not stored:
                raise _taken(connection, parameters)
            write_audit(connection, "users", audit)
        return stored[0]

    def find(self, user_id: UUID) -> User | None:
        with self._database.session() as connection:
            return next(iter(_run(connection, _FIND, {"user_id": user_id})), None)

    def has_other_administrators(self, user_id: UUID) -> bool:
        """Whether somebody else is an administrator at this moment."""
        with self._database.session() as connection:
            return has_other_administrators(connection, user_id)

    def update(
        self,
        user_id: UUID,
        changes: UserChanges,
        *,
        if_match: frozenset[int] | None,
        may_change_admins: bool,
        audit: NewAudit,
    ) -> User:
        """Change a person, whose revision grows by one, and return them as stored.

        Who becomes an administrator keeps no password that this change does not set.

        Raises:
            NotFound: there is no such person.
            Forbidden: they are an administrator, and may not be changed here.
            PreconditionFailed: the stored revision is none of `if_match`.
            Conflict: the new address, or the new external id, is taken; or nobody else is an administrator.
        """
        parameters = {
            "user_id": user_id,
            "given": sorted(changes.given),
            "email": changes.email,
            "email_key": email_key(changes.email) if changes.email and UserField.EMAIL in changes.given else None,
            "name": changes.name,
            "password_hash": changes.password_hash,
            "locale": changes.locale,
            "timezone": changes.timezone,
            "external_id": changes.external_id if UserField.EXTERNAL_ID in changes.given else None,
            "is_admin": changes.is_admin,
            "if_match": None if if_match is None else list(if_match),
            "may_change_admins": may_change_admins,
        }
        with self._database.session() as connection, connection.transaction():
            parameters["would_leave_none"] = changes.demotes and is_last_administrator(connection, user_id)
            changed = _run(connection, _UPDATE, parameters)
            if not changed:
                raise _refusal(connection, parameters, if_match=if_match, may_change_admins=may_change_admins)
            write_audit(connection, "users", audit)
        return changed[0]

    def newest(self, wanted: UserFilter, *, before: UUID | None, limit: int) -> Sequence[User]:
        """Up to `limit` people that the filter shows, with smaller ids than `before`, the greatest id first."""
        parameters = {
            "email_key": None if wanted.email is None else email_key(wanted.email),
            "external_id": wanted.external_id,
            "before": before,
            "limit": limit,
        }
        with self._database.session() as connection:
            return _run(connection, _NEWEST, parameters)


def _run(connection: psycopg.Connection, statement: LiteralString, parameters: Parameters) -> Sequence[User]:
    """What the statement returns.

    Raises:
        Conflict: somebody took the address or the external id at the very same moment.
    """
    try:
        return connection.cursor(row_factory=class_row(User)).execute(statement, parameters).fetchall()
    except psycopg.errors.UniqueViolation as error:
        raise _conflict(is_email=error.diag.constraint_name == "users_email_key_key") from error


def _refusal(
    connection: psycopg.Connection,
    parameters: Parameters,
    *,
    if_match: frozenset[int] | None,
    may_change_admins: bool,
) -> RequestRefused:
    """Why a person was not changed."""
    present = _run(connection, _FIND, parameters)
    if not present:
        return NotFound("There is no such user.", code="user_not_found")
    if present[0].is_admin and not may_change_admins:
        return Forbidden("Only an administrator changes an administrator.", code="insufficient_scope")
    if if_match is not None and present[0].revision not in if_match:
        return PreconditionFailed("The user has changed since you read it.")
    if present[0].is_admin and parameters["would_leave_none"]:
        return last_administrator()
    return _taken(connection, parameters)


def _taken(connection: psycopg.Connection, parameters: Parameters) -> Conflict:
    (row,) = connection.execute(_HAS_EMAIL, parameters).fetchall()
    return _conflict(is_email=row[0])


def _conflict(*, is_email: bool) -> Conflict:
    if is_email:
        return Conflict("This e-mail address is registered already.", code="email_taken")
    return Conflict("This external_id is in use already.", code="external_id_taken")
