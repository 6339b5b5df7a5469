"""Turns what waits into metrics, and says aloud what a person must mend."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from chalicelib.domain.notification import OPEN, Status
from chalicelib.errors import DatabaseUnavailable, DependencyUnavailable
from chalicelib.services.inspect_queues import QueueReport, QueuesReport
from chalicelib.services.ports import Log


class Backlog(Protocol):
    """Counts that stay cheap, however many rows there are. Each raises DatabaseUnavailable."""

    def count_open(self, states: Collection[Status]) -> Mapping[Status, int]: ...

    def count_overdue(self) -> int: ...

    def count_misplaced(self) -> int: ...


class Gauges(Log, Protocol):
    def gauge(self, values: Mapping[str, float], **dimensions: str) -> None:
        """Several metrics with the same dimensions: seconds when the name ends in `_s`, else a count."""


def measure_queues(*, inspect: Callable[[], QueuesReport], backlog: Backlog, log: Gauges) -> None:
    """Measure once. What cannot be measured now is missing from the metrics, and is a warning."""
    _measure_broker(inspect, log)
    try:
        _measure_backlog(backlog, log)
    except DatabaseUnavailable:
        log.warning("backlog_unknown")


def _measure_broker(inspect: Callable[[], QueuesReport], log: Gauges) -> None:
    try:
        report = inspect()
    except DependencyUnavailable:
        log.warning("queues_unknown")
        return
    if not report.broker_answered:
        log.warning("queue_depths_unknown")
    for queue in report.queues:
        values = dict(_values(queue, ages_known=report.database_answered))
        if values:
            log.gauge(values, queue=queue.queue.name)
        _judge(queue, broker_answered=report.broker_answered, log=log)


def _values(report: QueueReport, *, ages_known: bool) -> Mapping[str, float]:
    """What is known; where nothing waits, the oldest of it is no time old."""
    age_s = (report.oldest_age_s or 0.0) if ages_known and report.queue.lane is not None else None
    known = {"queue_depth": report.depth, "queue_consumers": report.consumers, "queue_oldest_age_s": age_s}
    return {name: value for name, value in known.items() if value is not None}


def _judge(report: QueueReport, *, broker_answered: bool, log: Log) -> None:
    """A queue that is not there takes no message; one that nobody consumes has no mapping, or a disabled one."""
    if broker_answered and report.depth is None:
        log.error("queue_unreachable", queue=report.queue.name)
    elif report.depth and report.consumers == 0:
        log.error("queue_without_consumer", queue=report.queue.name, depth=report.depth)


def _measure_backlog(backlog: Backlog, log: Gauges) -> None:
    for status, rows in backlog.count_open(OPEN).items():
        log.gauge({"open_deliveries": rows}, status=str(status))
    overdue, misplaced = backlog.count_overdue(), backlog.count_misplaced()
    log.gauge({"overdue_deliveries": overdue, "rows_without_partition": misplaced})
    if overdue:
        log.warning("deliveries_overdue", count=overdue)
    if misplaced:
        log.error("rows_without_partition", count=misplaced)
