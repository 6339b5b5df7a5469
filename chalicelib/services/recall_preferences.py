"""Tells what people want: from Redis where it is fresh there, else from PostgreSQL."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

from chalicelib.domain.preferences import Preferences, PreferencesRecord
from chalicelib.errors import CacheUnavailable
from chalicelib.services.ports import Clock


class PreferencesRecords(Protocol):
    def find_all(self, user_ids: Collection[UUID]) -> Mapping[UUID, PreferencesRecord]: ...


class PreferencesMemory(Protocol):
    """Each may raise CacheUnavailable, which changes nothing but speed."""

    def recall(self, user_ids: Collection[UUID], *, at: datetime) -> Mapping[UUID, Preferences]: ...

    def keep(self, preferences: Mapping[UUID, Preferences], *, read_at: datetime, reading_s: float) -> None: ...

    def forget(self, user_id: UUID) -> None: ...


def recall_preferences(
    user_ids: Collection[UUID],
    *,
    memory: PreferencesMemory,
    records: PreferencesRecords,
    clock: Clock,
    monotonic_s: Callable[[], float],
) -> Mapping[UUID, Preferences]:
    """What each of these people wants, at most five seconds old; who does not exist is missing.

    One round trip to Redis, and one query for all whom it does not know. That somebody does not exist is never
    remembered: whoever is registered is there at once.

    Raises:
        DatabaseUnavailable: somebody is not in Redis, and cannot be read.
    """
    known = _recalled(user_ids, memory, clock()) if user_ids else {}
    unknown = set(user_ids) - known.keys()
    if not unknown:
        return known
    read_at, began_s = clock(), monotonic_s()
    read = {user_id: record.preferences for user_id, record in records.find_all(unknown).items()}
    try:
        memory.keep(read, read_at=read_at, reading_s=monotonic_s() - began_s)
    except CacheUnavailable:
        return {**known, **read}
    return {**known, **read}


def _recalled(user_ids: Collection[UUID], memory: PreferencesMemory, at: datetime) -> Mapping[UUID, Preferences]:
    try:
        return memory.recall(user_ids, at=at)
    except CacheUnavailable:
        return {}
