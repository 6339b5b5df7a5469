"""Months, notifications and leftovers in memory, as a purge meets them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from chalicelib.domain.identity import KeyRange
from chalicelib.domain.retention import Aged, Change, Horizons, Month, Stretch, Table
from chalicelib.errors import DatabaseUnavailable


@dataclass
class FakePartitions:
    """Has the months that it is given. `answers` are given to the next changes before any takes place."""

    months: dict[Table, set[Month]] = field(default_factory=lambda: {table: set() for table in Table})
    answers: list[Change] = field(default_factory=list)
    dropped: list[tuple[Table, Month]] = field(default_factory=list)
    up: bool = True

    def find(self) -> Mapping[Table, frozenset[Month]]:
        if not self.up:
            raise DatabaseUnavailable("down")
        return {table: frozenset(months) for table, months in self.months.items()}

    def add(self, table: Table, month: Month) -> Change:
        change = self.answers.pop(0) if self.answers else Change.DONE
        if change is Change.DONE:
            self.months[table].add(month)
        return change

    def drop(self, table: Table, month: Month) -> Change:
        change = self.answers.pop(0) if self.answers else Change.DONE
        if change is Change.DONE:
            self.months[table].discard(month)
            self.dropped.append((table, month))
        return change


@dataclass
class FakeEndedMonths:
    """Months with nothing to keep, but for what is asked for."""

    holds: set[Month] = field(default_factory=set)
    kept: set[Month] = field(default_factory=set)
    failures: Counter[Month] = field(default_factory=Counter)
    held_failures: set[Month] = field(default_factory=set)
    """Of which months somebody has a record of a failure in hand."""

    def holds_open(self, keys: KeyRange) -> bool:
        return any(month.keys == keys for month in self.holds)

    def look(self, keys: KeyRange, horizon: datetime, *, after: UUID, limit: int) -> Stretch:
        if after >= keys.first:
            return Stretch(None, kept=False)
        return Stretch(keys.first, kept=any(month.keys == keys for month in self.kept))

    def holds_failed(self, keys: KeyRange) -> bool:
        return any(month.keys == keys for month in self.held_failures)

    def delete_failed(self, keys: KeyRange, *, limit: int) -> Counter[str]:
        of = next((month for month in self.failures if month.keys == keys), None)
        deleted = min(limit, self.failures[of]) if of else 0
        if of:
            self.failures[of] -= deleted
        return Counter(failed=deleted)


@dataclass
class FakeEnded:
    """Notifications past the horizon, by age. One that is `held` is in somebody's hands."""

    rows: list[Aged] = field(default_factory=list)
    held: set[UUID] = field(default_factory=set)
    portions: list[int] = field(default_factory=list)
    up: bool = True

    def find(self, horizons: Horizons, *, after: UUID, limit: int) -> Sequence[Aged]:
        if not self.up:
            raise DatabaseUnavailable("down")
        return [one for one in self.rows if one.notification_id > after][:limit]

    def delete(self, notification_ids: Sequence[UUID], horizons: Horizons) -> Counter[str]:
        gone = {*notification_ids} - self.held
        self.portions.append(sum(one.rows for one in self.rows if one.notification_id in gone))
        self.rows = [one for one in self.rows if one.notification_id not in gone]
        return Counter(notifications=len(gone))


@dataclass
class FakeLeftovers:
    """So many rows of one table."""

    table: str
    rows: int = 0

    def delete(self, horizons: Horizons, *, limit: int) -> Counter[str]:
        deleted = min(limit, self.rows)
        self.rows -= deleted
        return Counter({self.table: deleted})
