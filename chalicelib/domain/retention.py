"""How long what has ended is kept, and the months that the large tables are divided into.

A notification is past its retention when it was accepted, and all its deliveries ended, before the horizon. One that is
open is never past it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from chalicelib.domain.identity import KeyRange, first_key_at

AUDIT_DAYS = 400
"""Who changed what is kept for so long at least: a year is what auditors ask about, and one looks back at it."""

MONTHS_AHEAD = 3

MONTHS = "months"
UNREVIEWED = "unreviewed_failures"
"""What is counted beside the rows of each table: whole months, and failures that went although nobody had decided."""

NO_KEY = UUID(int=0)
"""Before every identifier."""

_NAME = "%Y_%m"


class Table(StrEnum):
    """The tables that have a partition a month. In the order in which a month of them goes: nothing of a notification
    is reached without its row in the first.
    """

    NOTIFICATIONS = "notifications"
    DELIVERIES = "deliveries"
    EVENTS = "events"


class Change(StrEnum):
    """What became of adding or dropping a partition.

    `busy`: others held the tables for longer than accepts may wait; nothing changed. `blocked`: rows stand in the way.
    """

    DONE = "done"
    BUSY = "busy"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month in UTC. `begins` is its first moment."""

    begins: datetime

    @classmethod
    def of(cls, at: datetime) -> "Month":
        """The month that the moment `at` (aware) lies in."""
        return cls(at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0))

    @classmethod
    def named(cls, name: str) -> "Month | None":
        """The month whose partitions end in this name; None when it is none's."""
        try:
            month = cls(datetime.strptime(name, _NAME).replace(tzinfo=UTC))
        except ValueError:
            return None
        return month if month.name == name else None

    @property
    def name(self) -> str:
        return self.begins.strftime(_NAME)

    @property
    def following(self) -> "Month":
        return Month.of(self.begins + timedelta(days=32))

    @property
    def ends(self) -> datetime:
        """The first moment that is not in it any more."""
        return self.following.begins

    @property
    def keys(self) -> KeyRange:
        """Where every identifier of the month lies."""
        return KeyRange(first_key_at(self.begins), first_key_at(self.ends))


def months_ahead(at: datetime, count: int = MONTHS_AHEAD) -> list[Month]:
    """The month of `at` and the `count` after it."""
    months = [Month.of(at)]
    while len(months) <= count:
        months.append(months[-1].following)
    return months


@dataclass(frozen=True, slots=True)
class Horizons:
    """What is older than these is past its retention."""

    closed: datetime
    audit: datetime

    @classmethod
    def at(cls, now: datetime, *, retention_days: int) -> "Horizons":
        audit_days = max(retention_days, AUDIT_DAYS)
        return cls(closed=now - timedelta(days=retention_days), audit=now - timedelta(days=audit_days))

    def passed(self, month: Month) -> bool:
        """Whether nothing that was accepted in that month is younger than the horizon."""
        return month.ends <= self.closed


@dataclass(frozen=True, slots=True)
class Aged:
    """A notification that was accepted before the horizon. `rows` counts it, its deliveries and its events.

    `kept`: a delivery of it is open, or ended after the horizon.
    """

    notification_id: UUID
    rows: int
    kept: bool


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some deliveries in the order of their ids. `last` is where the next stretch begins after; None: there is none.

    `kept`: one of them is open, or ended after the horizon.
    """

    last: UUID | None
    kept: bool


def portions(aged: Sequence[Aged], *, most_rows: int) -> Iterator[list[UUID]]:
    """Those that are not kept, in their order, in portions of at most so many rows, or of one notification."""
    portion: list[UUID] = []
    rows = 0
    for one in aged:
        if one.kept:
            continue
        if portion and rows + one.rows > most_rows:
            yield portion
            portion, rows = [], 0
        portion.append(one.notification_id)
        rows += one.rows
    if portion:
        yield portion
