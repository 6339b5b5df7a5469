"""Gives every large table the partitions of this month and the next three, so that no row finds none."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from chalicelib.domain.retention import Change, Month, Table, months_ahead
from chalicelib.services.measure_queues import Gauges
from chalicelib.services.ports import Clock

MOST_TRIES = 3
PAUSE_S = 2.0


class Partitions(Protocol):
    """Each raises DatabaseUnavailable."""

    def find(self) -> Mapping[Table, frozenset[Month]]: ...

    def add(self, table: Table, month: Month) -> Change: ...

    def drop(self, table: Table, month: Month) -> Change: ...


def ensure_months(*, partitions: Partitions, clock: Clock, pause: Callable[[float], object], log: Gauges) -> None:
    """Add what is missing. Repeating it is harmless, and several may.

    What cannot be added now is told, and stands in the way of nothing else: there are three months for the next try.

    Raises:
        DatabaseUnavailable: what has been added stays.
    """
    months = months_ahead(clock())
    found = partitions.find()
    for month in months:
        for table in Table:
            if month not in found[table]:
                change = until_free(partial(partitions.add, table, month), pause=pause)
                if change is not Change.DONE:
                    tell = log.error if change is Change.BLOCKED else log.warning
                    tell("partition_missing", table=str(table), month=month.name, reason=str(change))
    log.gauge({"months_ahead": _count_ahead(months, partitions.find())})


def until_free(attempt: Callable[[], Change], *, pause: Callable[[float], object]) -> Change:
    """Change a partition, and try again a moment later while others hold its table: a query ends, a backup lasts."""
    for _ in range(MOST_TRIES - 1):
        change = attempt()
        if change is not Change.BUSY:
            return change
        pause(PAUSE_S)
    return attempt()


def _count_ahead(months: list[Month], found: Mapping[Table, frozenset[Month]]) -> int:
    """How many months after this one have all their partitions, without a gap; -1 when this one has not."""
    complete = [all(month in found[table] for table in Table) for month in months]
    return [*complete, False].index(False) - 1
