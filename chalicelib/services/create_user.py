"""Registers a person."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from chalicelib.domain.identity import new_id
from chalicelib.domain.user import NewUser, User


@dataclass(frozen=True, slots=True)
class CreateUser:
    """A person as they were described; every field has been checked."""

    email: str
    name: str
    password: str | None = field(default=None, repr=False)
    locale: str | None = None
    timezone: str = "UTC"
    external_id: str | None = None


class NewUsers(Protocol):
    def insert(self, user: NewUser) -> User:
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
        Conflict: the address (whatever its case) or the external id belongs to somebody else.
        DatabaseUnavailable: nothing was stored, or it is not known whether it was.
    """
    return users.insert(
        NewUser(
            id=new_id(clock()),
            email=command.email,
            name=command.name,
            password_hash=None if command.password is None else hash_password(command.password),
            locale=command.locale,
            timezone=command.timezone,
            external_id=command.external_id,
        )
    )
