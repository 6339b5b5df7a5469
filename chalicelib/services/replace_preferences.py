"""What a person wants: told as it stands, and replaced as a whole."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.preferences import Preferences, PreferencesRecord
from chalicelib.errors import CacheUnavailable, NotFound
from chalicelib.services.ports import Clock


@dataclass(frozen=True, slots=True)
class ReplacePreferences:
    """What a person wants from now on. `if_match` holds the revisions that this is meant to replace."""

    user_id: UUID
    preferences: Preferences
    by: Actor
    if_match: frozenset[int] | None = None


class PreferencesBook(Protocol):
    def find_all(self, user_ids: Collection[UUID]) -> Mapping[UUID, PreferencesRecord]: ...

    def replace(
        self, user_id: UUID, preferences: Preferences, *, if_match: frozenset[int] | None, audit: NewAudit
    ) -> int:
        """Store them, and return their revision. Raises: NotFound, PreconditionFailed."""
        ...


class Forgetting(Protocol):
    def forget(self, user_id: UUID) -> None: ...


def find_preferences(user_id: UUID, *, records: PreferencesBook) -> PreferencesRecord:
    """What the person wants, as it is stored now.

    Raises:
        NotFound: there is no such person.
        DatabaseUnavailable: nothing can be read.
    """
    found = records.find_all([user_id]).get(user_id)
    if found is None:
        raise NotFound("There is no such user.", code="user_not_found")
    return found


def replace_preferences(
    command: ReplacePreferences, *, records: PreferencesBook, memory: Forgetting, clock: Clock
) -> PreferencesRecord:
    """What the person wants from now on. It is heeded within five seconds, also when Redis is away.

    Raises:
        NotFound: there is no such person.
        PreconditionFailed: somebody else changed them meanwhile.
        DatabaseUnavailable: nothing changed, or it is not known whether it did.
    """
    audit = new_audit(command.by, "preferences.replaced", f"user:{command.user_id}", at=clock())
    revision = records.replace(command.user_id, command.preferences, if_match=command.if_match, audit=audit)
    record = PreferencesRecord(command.preferences, revision)
    try:
        memory.forget(command.user_id)
    except CacheUnavailable:
        return record  # what is remembered is over by itself in five seconds
    return record
