"""Drops whole months that are past their retention: a hundred times cheaper than deleting what is in them.

    nothing open, nothing that ended lately → the records of its failures → notifications → deliveries → events

Without a record of its failure nothing closed can be replayed, so that what was looked at stays as it was. A process
that dies on the way leaves a month without some of its tables: nobody reaches the rest, and the next run removes it.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol
from uuid import UUID

from chalicelib.domain.identity import KeyRange
from chalicelib.domain.retention import MONTHS, NO_KEY, Change, Horizons, Month, Stretch, Table
from chalicelib.services.ensure_months import Partitions, until_free
from chalicelib.services.ports import Log

PAGE = 1_000
STRETCH = 10_000


class EndedMonths(Protocol):
    """What a range of keys still holds. Each raises DatabaseUnavailable."""

    def holds_open(self, keys: KeyRange) -> bool: ...

    def look(self, keys: KeyRange, horizon: datetime, *, after: UUID, limit: int) -> Stretch: ...

    def holds_failed(self, keys: KeyRange) -> bool: ...

    def delete_failed(self, keys: KeyRange, *, limit: int) -> Counter[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthDropper:
    """Drops each month that may go; what may not, or is in use, is left as it is."""

    partitions: Partitions
    ended: EndedMonths
    has_time: Callable[[], bool]
    pause: Callable[[float], object]
    log: Log

    def drop(self, horizons: Horizons, gone: Counter[str]) -> None:
        """Adds to `gone` how many months went, and how many records of failures.

        Raises:
            DatabaseUnavailable: what was dropped is dropped; the next run goes on.
        """
        found = self.partitions.find()
        for month in sorted(month for month in frozenset().union(*found.values()) if horizons.passed(month)):
            if self._is_ended(month, horizons) and self._forget_failures(month, gone):
                change = self._drop(month, found)
                if change is Change.BUSY:
                    return  # and so it would be with the next
                gone[MONTHS] += change is Change.DONE

    def _is_ended(self, month: Month, horizons: Horizons) -> bool:
        """Whether nothing of it is to be kept, by all its deliveries; what is open is found without reading them."""
        stretch = Stretch(NO_KEY, kept=self.ended.holds_open(month.keys))
        while self.has_time() and not stretch.kept:
            if stretch.last is None:
                return True
            stretch = self.ended.look(month.keys, horizons.closed, after=stretch.last, limit=STRETCH)
        return False

    def _forget_failures(self, month: Month, gone: Counter[str]) -> bool:
        while self.has_time() and (deleted := self.ended.delete_failed(month.keys, limit=PAGE)).total():
            gone.update(deleted)
        return self.has_time() and not self.ended.holds_failed(month.keys)

    def _drop(self, month: Month, found: Mapping[Table, frozenset[Month]]) -> Change:
        for table in (table for table in Table if month in found[table]):
            change = until_free(partial(self.partitions.drop, table, month), pause=self.pause)
            if change is not Change.DONE:
                self.log.warning("month_kept", table=str(table), month=month.name, reason=str(change))
                return change
        return Change.DONE
