"""Deletes what is past its retention, and makes room for what is to come. Daily; bounded by its invocation.

    partitions ahead → expired keys → whole months → notification by notification → unread messages → audit entries

Every step is many short transactions, the oldest rows first. The process may die between any two: what is gone is gone
whole, and the next run goes on with the rest. Several may run.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol
from uuid import UUID

from chalicelib.domain.retention import NO_KEY, UNREVIEWED, Aged, Horizons, portions
from chalicelib.errors import DatabaseUnavailable
from chalicelib.services.drop_months import EndedMonths, MonthDropper
from chalicelib.services.ensure_months import Partitions, ensure_months
from chalicelib.services.measure_queues import Gauges
from chalicelib.services.ports import Clock

MOST_ROWS = 1_000
"""Of one transaction, unless a single notification has more."""

PAGE = 500
ROOM_S = 20.0
"""More than one transaction ever takes; one that is cut off changes nothing."""


class Ended(Protocol):
    """Each raises DatabaseUnavailable."""

    def find(self, horizons: Horizons, *, after: UUID, limit: int) -> Sequence[Aged]: ...

    def delete(self, notification_ids: Sequence[UUID], horizons: Horizons) -> Counter[str]: ...


class Leftovers(Protocol):
    def delete(self, horizons: Horizons, *, limit: int) -> Counter[str]:
        """Delete some rows, and tell how many of what: none when there are no more. Raises: DatabaseUnavailable."""
        ...


def purge(
    *,
    retention_days: int,
    partitions: Partitions,
    keys: Leftovers,
    months: EndedMonths,
    ended: Ended,
    leftovers: Sequence[Leftovers],
    clock: Clock,
    remaining_s: Callable[[], float],
    pause: Callable[[float], object],
    log: Gauges,
) -> None:
    """Purge as far as the time goes, and tell what went. What is left is a warning, and the next run's.

    Raises:
        DatabaseUnavailable: a step could not go on; the others did. What is deleted is deleted, and was told.
    """
    run = _Run(Horizons.at(clock(), retention_days=retention_days), remaining_s)
    dropper = MonthDropper(partitions=partitions, ended=months, has_time=run.has_time, pause=pause, log=log)
    steps: Sequence[Callable[[], None]] = (
        partial(ensure_months, partitions=partitions, clock=clock, pause=pause, log=log),
        partial(run.delete_leftovers, keys),
        partial(run.drop_months, dropper),
        partial(run.delete_ended, ended),
        *(partial(run.delete_leftovers, each) for each in leftovers),
    )
    failed = [error for step in steps if (error := _error_of(step))]
    _report(run, log)
    if failed:
        raise failed[0]


def _error_of(step: Callable[[], None]) -> DatabaseUnavailable | None:
    """One step that never ends well must not keep the others from their work for ever."""
    try:
        step()
    except DatabaseUnavailable as error:
        return error
    return None


def _report(run: "_Run", log: Gauges) -> None:
    log.info("purged", **run.gone)
    for what, rows in run.gone.items():
        if rows:
            log.count("purged", rows, what=what)
    if run.gone[UNREVIEWED]:
        log.warning("failures_purged_unreviewed", count=run.gone[UNREVIEWED])
    if not run.has_time():
        log.warning("purge_unfinished")


@dataclass(slots=True)
class _Run:
    horizons: Horizons
    remaining_s: Callable[[], float]
    gone: Counter[str] = field(default_factory=Counter)

    def has_time(self) -> bool:
        return self.remaining_s() > ROOM_S

    def drop_months(self, dropper: MonthDropper) -> None:
        dropper.drop(self.horizons, self.gone)

    def delete_ended(self, ended: Ended) -> None:
        after = NO_KEY
        while self.has_time() and (page := ended.find(self.horizons, after=after, limit=PAGE)):
            for portion in portions(page, most_rows=MOST_ROWS):
                if self.has_time():
                    self.gone.update(ended.delete(portion, self.horizons))
            after = page[-1].notification_id

    def delete_leftovers(self, leftovers: Leftovers) -> None:
        while self.has_time() and (deleted := leftovers.delete(self.horizons, limit=MOST_ROWS)).total():
            self.gone.update(deleted)
