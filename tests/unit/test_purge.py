"""The order of a purge, its bounds, and what it tells."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from chalicelib.domain.retention import Aged, Change, Month, Table, months_ahead
from chalicelib.errors import DatabaseUnavailable
from chalicelib.services.ensure_months import MOST_TRIES, ensure_months
from chalicelib.services.purge import MOST_ROWS, PAGE, ROOM_S, purge
from tests.fakes_core import ManualClock
from tests.fakes_queues import RecordingGauges
from tests.fakes_retention import FakeEnded, FakeEndedMonths, FakeLeftovers, FakePartitions

PLENTY_S = 600.0


@dataclass
class House:
    """Everything that a purge meets; `time_s` is what `remaining_s` says, one value a question, and then the last."""

    clock: ManualClock = field(default_factory=ManualClock)
    partitions: FakePartitions = field(default_factory=FakePartitions)
    months: FakeEndedMonths = field(default_factory=FakeEndedMonths)
    ended: FakeEnded = field(default_factory=FakeEnded)
    keys: FakeLeftovers = field(default_factory=lambda: FakeLeftovers("idempotency_keys"))
    audit: FakeLeftovers = field(default_factory=lambda: FakeLeftovers("audit"))
    log: RecordingGauges = field(default_factory=RecordingGauges)
    pauses: list[float] = field(default_factory=list)

    def ago(self, days: int) -> datetime:
        return self.clock() - timedelta(days=days)

    def month(self, days_ago: int) -> Month:
        """A month with all its partitions."""
        month = Month.of(self.ago(days_ago))
        for table in Table:
            self.partitions.months[table].add(month)
        return month

    def purge(self, *time_s: float) -> None:
        left = iter(time_s)
        purge(
            retention_days=90,
            partitions=self.partitions,
            keys=self.keys,
            months=self.months,
            ended=self.ended,
            leftovers=[self.audit],
            clock=self.clock,
            remaining_s=lambda: next(left, time_s[-1] if time_s else PLENTY_S),
            pause=self.pauses.append,
            log=self.log,
        )

    @property
    def purged(self) -> dict[str, int]:
        return {what: rows for (metric, *rest), rows in self.log.counted.items() if metric == "purged" for what in rest}


@pytest.fixture
def house() -> House:
    return House()


def many(count: int, *, rows: int = 6, kept: bool = False) -> list[Aged]:
    return [Aged(UUID(int=place), rows, kept) for place in range(1, count + 1)]


def test_everything_that_is_past_its_time_goes_and_is_told(house: House) -> None:
    passed = house.month(200)
    house.months.failures[passed] = 2_500
    house.ended.rows = many(2 * PAGE + 1)
    house.keys.rows, house.audit.rows = 2 * MOST_ROWS + 1, 7
    house.purge()
    assert house.purged == {
        "idempotency_keys": 2 * MOST_ROWS + 1,
        "failed": 2_500,
        "months": 1,
        "notifications": 2 * PAGE + 1,
        "audit": 7,
    }
    assert max(house.ended.portions) <= MOST_ROWS
    assert house.log.told("info") == ["purged"]
    assert house.log.told("warning") == house.log.told("error") == []


def test_nothing_to_do_is_told_too(house: House) -> None:
    house.purge()
    assert house.purged == {}
    assert house.log.told("info") == ["purged"]


def test_what_is_kept_or_held_is_met_once_and_left(house: House) -> None:
    house.ended.rows = many(PAGE + 1, kept=True)[:PAGE] + many(PAGE + 3)[PAGE:]
    house.ended.held = {UUID(int=PAGE + 2)}
    house.purge()
    assert len(house.ended.rows) == PAGE + 1


def test_a_month_goes_from_the_table_that_leads_to_the_others(house: House) -> None:
    month = house.month(200)
    house.purge()
    assert house.partitions.dropped == [(table, month) for table in Table]
    assert next(iter(Table)) is Table.NOTIFICATIONS


@pytest.mark.parametrize("what", ["holds", "kept", "held_failures"])
def test_a_month_with_anything_to_keep_stays_and_the_next_goes_all_the_same(house: House, what: str) -> None:
    stays, goes = house.month(200), house.month(150)
    getattr(house.months, what).add(stays)
    house.purge()
    assert {month for _, month in house.partitions.dropped} == {goes}


def test_a_month_that_has_not_passed_is_not_even_looked_at(house: House) -> None:
    month = house.month(95)
    assert month.ends > house.ago(90)
    house.purge()
    assert house.partitions.dropped == []


def test_a_month_that_lost_some_of_its_tables_loses_the_rest(house: House) -> None:
    month = house.month(200)
    house.partitions.months[Table.NOTIFICATIONS].remove(month)
    house.purge()
    assert house.partitions.dropped == [(Table.DELIVERIES, month), (Table.EVENTS, month)]


def test_a_busy_table_is_tried_again_after_a_pause_and_then_left_for_another_day_with_all_others(house: House) -> None:
    for month in months_ahead(house.clock()):
        for table in Table:
            house.partitions.months[table].add(month)
    house.month(200)
    house.month(150)
    house.partitions.answers = [Change.BUSY] * MOST_TRIES
    house.ended.rows = many(3)
    house.purge()
    assert house.partitions.dropped == []
    assert len(house.pauses) == MOST_TRIES - 1
    assert house.log.told("warning") == ["month_kept"]
    assert house.ended.rows == []


def test_a_table_that_becomes_free_in_time_is_changed(house: House) -> None:
    house.partitions.answers = [Change.BUSY] * (MOST_TRIES - 1)
    house.purge()
    assert house.log.measured["months_ahead",] == 3
    assert house.log.told("warning") == []


def test_a_month_that_cannot_be_added_is_an_error_and_the_others_are_added(house: House) -> None:
    house.partitions.answers = [Change.BLOCKED]
    ensure_months(partitions=house.partitions, clock=house.clock, pause=house.pauses.append, log=house.log)
    assert house.log.told("error") == ["partition_missing"]
    assert house.log.measured["months_ahead",] == -1
    assert sum(len(months) for months in house.partitions.months.values()) == 4 * len(Table) - 1


def counting_down(questions: int) -> Iterator[float]:
    yield from [PLENTY_S] * questions
    yield ROOM_S


@pytest.mark.parametrize("questions", range(12))
def test_whenever_time_is_up_it_stops_there_says_so_and_the_next_run_ends_it(house: House, questions: int) -> None:
    house.month(200)
    house.ended.rows = many(700)
    house.keys.rows = house.audit.rows = 2
    house.purge(*counting_down(questions))
    assert house.log.told("warning") == ["purge_unfinished"]
    before = Counter(house.purged)
    house.purge()
    assert Counter(house.purged) >= before
    assert house.purged == {"idempotency_keys": 2, "months": 1, "notifications": 700, "audit": 2}


def test_a_step_that_cannot_go_on_keeps_no_other_from_its_work(house: House) -> None:
    house.partitions.up = house.ended.up = False
    house.keys.rows = house.audit.rows = 5
    with pytest.raises(DatabaseUnavailable):
        house.purge()
    assert house.purged == {"idempotency_keys": 5, "audit": 5}
    assert house.log.told("info") == ["purged"]
