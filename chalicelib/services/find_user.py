"""Finds people: one by their id, or many, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from chalicelib.domain.user import User, UserFilter
from chalicelib.errors import NotFound


class FoundUsers(Protocol):
    def find(self, user_id: UUID) -> User | None: ...


class UserLists(Protocol):
    def newest(self, wanted: UserFilter, *, before: UUID | None, limit: int) -> Sequence[User]:
        """Up to `limit` people with smaller ids than `before`, the greatest id first."""
        ...


@dataclass(frozen=True, slots=True)
class UserPage:
    """Some people; `more` tells whether others follow the last one."""

    users: tuple[User, ...]
    more: bool


def find_user(user_id: UUID, *, users: FoundUsers) -> User:
    """The person.

    Raises:
        NotFound: there is no such person.
        DatabaseUnavailable: nothing can be read.
    """
    user = users.find(user_id)
    if user is None:
        raise NotFound("There is no such user.", code="user_not_found")
    return user


def list_users(wanted: UserFilter, *, before: UUID | None, limit: int, users: UserLists) -> UserPage:
    """At most `limit` people that the filter shows and that follow the person `before`.

    Raises:
        DatabaseUnavailable: nothing can be read.
    """
    found = users.newest(wanted, before=before, limit=limit + 1)
    return UserPage(users=tuple(found[:limit]), more=len(found) > limit)
