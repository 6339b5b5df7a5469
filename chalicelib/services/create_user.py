"""Registers a person."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.identity import new_id
from chalicelib.domain.user import NewUser, User
from chalicelib.errors import Forbidden


@dataclass(frozen=True, slots=True)
class CreateUser:
    """A person as they were described; every field has been checked. `may_make_admins` tells what `by` may do."""

    by: Actor
    email: str
    name: str
    password: str | None = field(default=None, repr=False)
    locale: str | None = None
    timezone: str = "UTC"
    external_id: str | None = None
    is_admin: bool = False
    may_make_admins: bool = False


class NewUsers(Protocol):
    def insert(self, user: NewUser, *, audit: NewAudit) -> User:
        """Store a person. Raises: Conflict when the address or the external id is taken."""
        ...


def create_user(
    command: CreateUser,
    *,
    users: NewUsers,
    hash_password: Callable[[str], str],
    clock: Callable[[], datetime],
) -> User:
    """The person as stored.

    Raises:
        Forbidden: only an administrator makes an administrator.
        Conflict: the address (whatever its case) or the external id belongs to somebody else.
        DatabaseUnavailable: nothing was stored, or it is not known whether it was.
    """
    if command.is_admin and not command.may_make_admins:
        raise Forbidden("Only an administrator makes an administrator.", code="insufficient_scope")
    now = clock()
    new = NewUser(
        id=new_id(now),
        email=command.email,
        name=command.name,
        password_hash=None if command.password is None else hash_password(command.password),
        locale=command.locale,
        timezone=command.timezone,
        external_id=command.external_id,
        is_admin=command.is_admin,
    )
    return users.insert(new, audit=new_audit(command.by, "user.created", f"user:{new.id}", at=now))
