"""Changes a person: what they may change themselves, and what others decide about them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.user import CHANGEABLE_BY_ONESELF, ENDS_SESSIONS, User, UserChanges, UserField
from chalicelib.errors import CacheUnavailable, Conflict, Forbidden, NotFound, PreconditionFailed
from chalicelib.services.ports import Clock, Sessions


@dataclass(frozen=True, slots=True)
class ChangeUser:
    """What shall be changed; every field has been checked. The fields that `given` does not name mean nothing.

    `if_match` holds the revisions that the change is meant for. `only_own`: the caller is this person, and has no
    scope. `is_by_admin`: the caller is an administrator.
    """

    user_id: UUID
    by: Actor
    given: frozenset[UserField]
    email: str | None = None
    name: str | None = None
    password: str | None = field(default=None, repr=False)
    locale: str | None = None
    timezone: str | None = None
    external_id: str | None = None
    is_admin: bool | None = None
    if_match: frozenset[int] | None = None
    only_own: bool = False
    is_by_admin: bool = False


class ChangeableUsers(Protocol):
    def find(self, user_id: UUID) -> User | None: ...

    def has_other_administrators(self, user_id: UUID) -> bool: ...

    def update(
        self,
        user_id: UUID,
        changes: UserChanges,
        *,
        if_match: frozenset[int] | None,
        may_change_admins: bool,
        audit: NewAudit,
    ) -> User:
        """Change a person; who becomes an administrator keeps no password that the change does not set.

        Raises: NotFound, Forbidden, PreconditionFailed, Conflict.
        """
        ...


class Forgetting(Protocol):
    def forget(self, user_id: UUID) -> None: ...


def change_user(
    command: ChangeUser,
    *,
    users: ChangeableUsers,
    sessions: Sessions,
    preferences: Forgetting,
    hash_password: Callable[[str], str],
    clock: Clock,
) -> User:
    """The person as stored. Another password, or another say in who is administrator, ends all their sessions.

    The sessions end before the change and after it: without Redis nothing changes, and whoever came in meanwhile by
    what was true before is sent out again. Who becomes an administrator loses their password unless this sets one:
    somebody else may have set it, who would be an administrator by it. One administrator always stays.

    Raises:
        Forbidden: the caller may not change one of these fields, or not this person.
        NotFound: there is no such person.
        PreconditionFailed: somebody else changed them meanwhile.
        Conflict: the address or the external id belongs to somebody else; or nobody else is an administrator.
        CacheUnavailable: the sessions could not be ended; doing the same again is right.
        DatabaseUnavailable: nothing changed, or it is not known whether it did.
    """
    _require_permission(command)
    if not command.given:
        return _unchanged(command, users)
    ends_sessions = not command.given.isdisjoint(ENDS_SESSIONS)
    if ends_sessions:
        _require_sense(command, users)  # nobody's sessions end for a change that is refused
        sessions.end_all(command.user_id)
    user = users.update(
        command.user_id,
        _changes(command, hash_password),
        if_match=command.if_match,
        may_change_admins=command.is_by_admin or command.only_own,
        audit=new_audit(
            command.by, "user.updated", f"user:{command.user_id}", at=clock(), fields=sorted(command.given)
        ),
    )
    if ends_sessions:
        sessions.end_all(command.user_id)
    _forget(command.user_id, preferences)
    return user


def _require_permission(command: ChangeUser) -> None:
    if command.only_own and not command.given <= CHANGEABLE_BY_ONESELF:
        refused = ", ".join(sorted(command.given - CHANGEABLE_BY_ONESELF))
        raise Forbidden(f"Nobody changes this of themselves: {refused}.", code="insufficient_scope")
    if UserField.IS_ADMIN in command.given and not command.is_by_admin:
        raise Forbidden("Only an administrator decides who is one.", code="insufficient_scope")


def _unchanged(command: ChangeUser, users: ChangeableUsers) -> User:
    """The person as they are, if the command may be meant for them as they are."""
    user = users.find(command.user_id)
    if user is None:
        raise NotFound("There is no such user.", code="user_not_found")
    if user.is_admin and not (command.is_by_admin or command.only_own):
        raise Forbidden("Only an administrator changes an administrator.", code="insufficient_scope")
    if command.if_match is not None and user.revision not in command.if_match:
        raise PreconditionFailed("The user has changed since you read it.")
    return user


def _require_sense(command: ChangeUser, users: ChangeableUsers) -> None:
    """Refuse what is certain to be refused later, as far as can be seen before."""
    user = _unchanged(command, users)
    demotes = UserField.IS_ADMIN in command.given and not command.is_admin
    if user.is_admin and demotes and not users.has_other_administrators(user.id):
        raise Conflict("Nobody else is an administrator: make another one first.", code="last_administrator")


def _changes(command: ChangeUser, hash_password: Callable[[str], str]) -> UserChanges:
    return UserChanges(
        given=command.given,
        email=command.email,
        name=command.name,
        password_hash=None if command.password is None else hash_password(command.password),
        locale=command.locale,
        timezone=command.timezone or "UTC",
        external_id=command.external_id,
        is_admin=command.is_admin,
    )


def _forget(user_id: UUID, preferences: Forgetting) -> None:
    """The time zone is part of what is remembered of a person's preferences."""
    try:
        preferences.forget(user_id)
    except CacheUnavailable:
        return  # it is over by itself in five seconds
