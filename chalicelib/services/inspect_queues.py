"""Tells how much waits in each queue, for how long, and whether somebody takes it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.backlog import Queue, QueueLevel
from chalicelib.errors import BrokerUnavailable, DatabaseUnavailable

GAUGE_TIMEOUT_S = 2.0


class QueueGauge(Protocol):
    def measure(self, queues: Sequence[str], *, timeout_s: float) -> Mapping[str, QueueLevel]: ...


class QueuedAges(Protocol):
    def find_oldest_queued(self, lanes: Collection[str]) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True)
class QueueReport:
    """`depth` and `consumers` are None when the broker cannot say; `consumers` also of a queue that has none by design.

    `oldest_age_s` is None when nothing waits, nobody can say, or the queue is no lane's.
    """

    queue: Queue
    depth: int | None
    consumers: int | None
    oldest_age_s: float | None


@dataclass(frozen=True, slots=True)
class QueuesReport:
    """Every queue, and which of the two that were asked have answered."""

    queues: tuple[QueueReport, ...]
    broker_answered: bool
    database_answered: bool


def inspect_queues(*, queues: Sequence[Queue], gauge: QueueGauge, ages: QueuedAges) -> QueuesReport:
    """What the broker and PostgreSQL say of each queue, in the order of `queues`. One of them may be away.

    Raises:
        DatabaseUnavailable: both are.
    """
    levels = _levels(queues, gauge)
    try:
        oldest = ages.find_oldest_queued([queue.lane for queue in queues if queue.lane is not None])
    except DatabaseUnavailable:
        if levels is None:
            raise
        oldest = None
    return QueuesReport(
        queues=tuple(_report(queue, levels or {}, oldest or {}) for queue in queues),
        broker_answered=levels is not None,
        database_answered=oldest is not None,
    )


def _levels(queues: Sequence[Queue], gauge: QueueGauge) -> Mapping[str, QueueLevel] | None:
    try:
        return gauge.measure([queue.name for queue in queues], timeout_s=GAUGE_TIMEOUT_S)
    except BrokerUnavailable:
        return None


def _report(queue: Queue, levels: Mapping[str, QueueLevel], oldest: Mapping[str, float]) -> QueueReport:
    level = levels.get(queue.name)
    return QueueReport(
        queue=queue,
        depth=None if level is None else level.ready,
        consumers=level.consumers if level is not None and queue.consumed else None,
        oldest_age_s=None if queue.lane is None else oldest.get(queue.lane),
    )
