"""Administrators in PostgreSQL: one of them always stays. Used within the transaction that would take one away."""

from typing import LiteralString
from uuid import UUID

import psycopg

from chalicelib.errors import Conflict

# In the order of their ids, by all who lock more than one: nobody waits for somebody who waits for them.
_LOCK: LiteralString = "SELECT id FROM users.users WHERE is_admin ORDER BY id FOR UPDATE"

_OTHERS: LiteralString = "SELECT EXISTS (SELECT FROM users.users WHERE is_admin AND id <> %(user_id)s)"


def is_last_administrator(connection: psycopg.Connection, user_id: UUID) -> bool:
    """Whether nobody is an administrator but this one, until the transaction ends.

    Locks every administrator, so that two who take each other away do it one after the other. Somebody who became one
    at this very moment may be missed: then the answer is True, which refuses and harms nothing.
    """
    return {row[0] for row in connection.execute(_LOCK)} <= {user_id}


def has_other_administrators(connection: psycopg.Connection, user_id: UUID) -> bool:
    """Whether there is another at this moment; locks nothing."""
    (row,) = connection.execute(_OTHERS, {"user_id": user_id})
    return bool(row[0])


def last_administrator() -> Conflict:
    return Conflict("Nobody else is an administrator: make another one first.", code="last_administrator")
