"""How much waits: what is told of it, and what becomes a metric or an error."""

import pytest

from chalicelib.domain.backlog import Queue, QueueLevel
from chalicelib.domain.notification import OPEN, Status
from chalicelib.errors import DatabaseUnavailable
from chalicelib.services.inspect_queues import QueueReport, QueuesReport, inspect_queues
from chalicelib.services.measure_queues import measure_queues
from tests.fakes_queues import FakeBacklog, FakeGauge, RecordingGauges

EMAIL, FAILED = Queue("email.queue", lane="email"), Queue("failed.queue")
WAIT = Queue("email.retry.5s", consumed=False)
QUEUES = (EMAIL, FAILED, WAIT)
LEVELS = {"email.queue": QueueLevel(7, 1), "failed.queue": QueueLevel(0, 1), "email.retry.5s": QueueLevel(3, 0)}


def inspected(gauge: FakeGauge, backlog: FakeBacklog) -> QueuesReport:
    return inspect_queues(queues=QUEUES, gauge=gauge, ages=backlog)


def measured(gauge: FakeGauge, backlog: FakeBacklog) -> RecordingGauges:
    log = RecordingGauges()
    measure_queues(inspect=lambda: inspected(gauge, backlog), backlog=backlog, log=log)
    return log


def test_each_queue_is_told_by_broker_and_database_in_the_given_order() -> None:
    report = inspected(FakeGauge(LEVELS), FakeBacklog({"email": 4.5}))
    assert report.queues == (
        QueueReport(EMAIL, depth=7, consumers=1, oldest_age_s=4.5),
        QueueReport(FAILED, depth=0, consumers=1, oldest_age_s=None),
        QueueReport(WAIT, depth=3, consumers=None, oldest_age_s=None),
    )
    assert (report.broker_answered, report.database_answered) == (True, True)


def test_without_the_broker_the_ages_are_still_told() -> None:
    report = inspected(FakeGauge(LEVELS, up=False), FakeBacklog({"email": 4.5}))
    assert (report.broker_answered, report.database_answered) == (False, True)
    assert report.queues[0] == QueueReport(EMAIL, depth=None, consumers=None, oldest_age_s=4.5)


def test_without_the_database_the_depths_are_still_told() -> None:
    report = inspected(FakeGauge(LEVELS), FakeBacklog({"email": 4.5}, up=False))
    assert (report.broker_answered, report.database_answered) == (True, False)
    assert report.queues[0] == QueueReport(EMAIL, depth=7, consumers=1, oldest_age_s=None)


def test_when_neither_can_say_the_caller_is_told_to_come_again() -> None:
    with pytest.raises(DatabaseUnavailable):
        inspected(FakeGauge(up=False), FakeBacklog(up=False))


def test_everything_known_is_measured() -> None:
    log = measured(FakeGauge(LEVELS), FakeBacklog({"email": 4.5}, {Status.DEFERRED: 9}))
    opened: dict[tuple[str, ...], float] = {("open_deliveries", str(state)): 0 for state in OPEN}
    opened["open_deliveries", "deferred"] = 9
    assert log.measured == {
        ("queue_depth", "email.queue"): 7,
        ("queue_consumers", "email.queue"): 1,
        ("queue_oldest_age_s", "email.queue"): 4.5,
        ("queue_depth", "failed.queue"): 0,
        ("queue_consumers", "failed.queue"): 1,
        ("queue_depth", "email.retry.5s"): 3,
        **opened,
        ("overdue_deliveries",): 0,
        ("rows_without_partition",): 0,
    }
    assert log.lines == []


def test_where_nothing_waits_the_oldest_is_no_time_old() -> None:
    assert measured(FakeGauge(LEVELS), FakeBacklog()).measured["queue_oldest_age_s", "email.queue"] == 0


def test_a_queue_that_nobody_consumes_is_an_error_once_something_waits() -> None:
    empty = measured(FakeGauge({**LEVELS, "email.queue": QueueLevel(0, 0)}), FakeBacklog())
    waiting = measured(FakeGauge({**LEVELS, "email.queue": QueueLevel(1, 0)}), FakeBacklog())
    assert (empty.told("error"), waiting.told("error")) == ([], ["queue_without_consumer"])


def test_a_queue_that_is_not_there_is_an_error_and_the_others_are_measured() -> None:
    log = measured(FakeGauge({"email.queue": QueueLevel(7, 1), "email.retry.5s": QueueLevel(0, 0)}), FakeBacklog())
    assert log.told("error") == ["queue_unreachable"]
    assert log.measured["queue_depth", "email.queue"] == 7


def test_rows_that_no_partition_holds_are_an_error_and_overdue_ones_a_warning() -> None:
    log = measured(FakeGauge(LEVELS), FakeBacklog(overdue=3, misplaced=2))
    assert (log.told("error"), log.told("warning")) == (["rows_without_partition"], ["deliveries_overdue"])
    assert (log.measured["overdue_deliveries",], log.measured["rows_without_partition",]) == (3, 2)


@pytest.mark.parametrize(
    ("gauge", "backlog", "warnings", "metric"),
    [
        (FakeGauge(LEVELS), FakeBacklog(up=False), ["backlog_unknown"], ("queue_depth", "email.queue")),
        (FakeGauge(up=False), FakeBacklog(), ["queue_depths_unknown"], ("overdue_deliveries",)),
    ],
)
def test_whoever_is_away_the_other_is_measured(
    gauge: FakeGauge, backlog: FakeBacklog, warnings: list[str], metric: tuple[str, ...]
) -> None:
    log = measured(gauge, backlog)
    assert metric in log.measured
    assert (log.told("warning"), log.told("error")) == (warnings, [])


def test_with_both_away_nothing_is_measured_and_nothing_raised() -> None:
    log = measured(FakeGauge(up=False), FakeBacklog(up=False))
    assert log.measured == {}
    assert log.told("warning") == ["queues_unknown", "backlog_unknown"]
