"""Schedules tick, and their executions overlap unless they must not."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from offline.emulator.config import EmulatorConfig
from offline.emulator.emulator import Emulator
from offline.emulator.schedules import Schedule
from tests.integration.emulator.workbench import Journal, eventually


class Tick(Protocol):
    """Starts an emulator that ticks `handlers.obey` every 50 ms."""

    def __call__(self, *, overlap: bool, max_concurrency: int = 10) -> Schedule: ...


@pytest.fixture
def tick(journal: Journal) -> Iterator[Tick]:
    with ExitStack() as emulators:

        def start(*, overlap: bool, max_concurrency: int = 10) -> Schedule:
            config = EmulatorConfig.model_validate(
                {
                    "functions": {
                        "worker": {
                            "handler": "handlers.obey",
                            "timeout_s": 30,
                            "environment": journal.environ,
                            "max_concurrency": max_concurrency,
                        }
                    },
                    "schedules": [{"name": "often", "function": "worker", "every_s": 0.05, "overlap": overlap}],
                }
            )
            return emulators.enter_context(Emulator(config)).schedules["often"]

        yield start


def test_a_schedule_sends_the_scheduled_event_of_its_rule(tick: Tick, journal: Journal) -> None:
    tick(overlap=True)
    visit = journal.next()
    visit.succeed()
    event = visit.report["event"]
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert event["resources"] == ["arn:aws:events:us-east-1:000000000000:rule/often"]


def test_executions_of_a_schedule_overlap_in_environments_of_their_own(tick: Tick, journal: Journal) -> None:
    tick(overlap=True)
    visits = [journal.next() for _ in range(3)]
    assert len({visit.pid for visit in visits}) == 3


def test_without_overlap_a_tick_during_an_execution_is_dropped(tick: Tick, journal: Journal) -> None:
    schedule = tick(overlap=False)
    first = journal.next()
    assert journal.stays_silent(0.2)
    assert schedule.counters.skipped >= 1
    first.succeed()
    second = journal.next()
    assert second.pid == first.pid


def test_a_tick_that_finds_its_function_busy_is_dropped(tick: Tick, journal: Journal) -> None:
    schedule = tick(overlap=True, max_concurrency=1)
    journal.next()
    assert eventually(lambda: schedule.counters.skipped >= 1)


def test_a_failed_tick_is_counted_and_the_next_one_comes(tick: Tick, journal: Journal) -> None:
    schedule = tick(overlap=False)
    journal.next().fail()
    journal.next().succeed()
    assert eventually(lambda: (schedule.counters.failed, schedule.counters.ok) >= (1, 1))
