"""What people want, in memory: the store and the quick memory, with the rules that the real ones keep."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from chalicelib.domain.audit import NewAudit
from chalicelib.domain.preferences import Preferences, PreferencesRecord
from chalicelib.errors import CacheUnavailable, DatabaseUnavailable, NotFound, PreconditionFailed
from chalicelib.stores.preferences_memory import LIFE
from tests.fakes_people import FakeUsers, Now, utc_now


@dataclass
class FakePreferences:
    users: FakeUsers
    said: dict[UUID, PreferencesRecord] = field(default_factory=dict)
    audits: list[NewAudit] = field(default_factory=list)
    asked: list[frozenset[UUID]] = field(default_factory=list)
    up: bool = True

    def find_all(self, user_ids: Collection[UUID]) -> Mapping[UUID, PreferencesRecord]:
        self._require_up()
        self.asked.append(frozenset(user_ids))
        return {user_id: self._record(user_id) for user_id in user_ids if user_id in self.users.users}

    def replace(
        self, user_id: UUID, preferences: Preferences, *, if_match: frozenset[int] | None, audit: NewAudit
    ) -> int:
        self._require_up()
        if user_id not in self.users.users:
            raise NotFound("no such user", code="user_not_found")
        revision = self._record(user_id).revision
        if if_match is not None and revision not in if_match:
            raise PreconditionFailed("changed")
        self.said[user_id] = PreferencesRecord(preferences, revision + 1)
        self.audits.append(audit)
        return revision + 1

    def _record(self, user_id: UUID) -> PreferencesRecord:
        record = self.said.get(user_id, PreferencesRecord(Preferences(), 0))
        timezone = self.users.users[user_id].timezone
        return replace(record, preferences=replace(record.preferences, timezone=timezone))

    def _require_up(self) -> None:
        if not self.up:
            raise DatabaseUnavailable("away")


@dataclass
class FakePreferencesMemory:
    """`now` is the clock of the world, by which entries end."""

    now: Now = utc_now
    entries: dict[UUID, tuple[Preferences, datetime, datetime]] = field(default_factory=dict)
    up: bool = True

    def recall(self, user_ids: Collection[UUID], *, at: datetime) -> Mapping[UUID, Preferences]:
        self._require_up()
        return {
            user_id: preferences
            for user_id, (preferences, read_at, ends_at) in self.entries.items()
            if user_id in user_ids and self.now() < ends_at and abs(at - read_at) < LIFE
        }

    def keep(self, preferences: Mapping[UUID, Preferences], *, read_at: datetime, reading_s: float) -> None:
        self._require_up()
        ends_at = self.now() + LIFE - timedelta(seconds=reading_s)
        self.entries |= {user_id: (wanted, read_at, ends_at) for user_id, wanted in preferences.items()}

    def forget(self, user_id: UUID) -> None:
        self._require_up()
        self.entries.pop(user_id, None)

    def _require_up(self) -> None:
        if not self.up:
            raise CacheUnavailable("away")
