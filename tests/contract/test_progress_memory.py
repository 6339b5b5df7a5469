"""What the memory of notifications' progress promises, tried on the real Redis and on the fake that other tests use."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from chalicelib.domain.identity import new_id, sibling_id
from chalicelib.domain.notification import Channel, EventName, Status
from chalicelib.domain.trace import TracedDelivery, TracedEvent
from chalicelib.services.ports import ProgressMemory
from chalicelib.stores.progress_memory import BARRIER_S, RedisProgressMemory
from tests.contract_cache import ManualCache, taking_away
from tests.fakes_core import NOON, FakeProgress, ManualClock

WELCOME = new_id(NOON)
DELIVERY = sibling_id(WELCOME)


def progress(*events: EventName, status: Status = Status.QUEUED) -> tuple[TracedDelivery, ...]:
    history = tuple(
        TracedEvent(NOON + timedelta(seconds=place), event, 1, "smtp", None, "250 ök", "correlation-1")
        for place, event in enumerate(events)
    )
    delivery = TracedDelivery(
        delivery_id=DELIVERY,
        channel=Channel.EMAIL,
        locale="fr-CA",
        status=status,
        reason=None,
        attempts=1,
        crashes=0,
        provider="smtp",
        provider_message_id="id-1",
        wake_at=NOON,
        created_at=NOON,
        updated_at=NOON,
        events=history,
    )
    return (delivery,)


EARLY = progress(EventName.ACCEPTED, EventName.QUEUED)
LATE = progress(EventName.ACCEPTED, EventName.QUEUED, EventName.SENDING, EventName.SENT, status=Status.SENT)


@dataclass
class Subject:
    memory: ProgressMemory
    let_pass: Callable[[float], None]
    take_away: Callable[[], None]


@pytest.fixture
def fake() -> Subject:
    clock = ManualClock()
    memory = FakeProgress(clock)
    return Subject(memory, clock.advance, taking_away(memory))


@pytest.fixture
def real(cache: ManualCache) -> Subject:
    return Subject(RedisProgressMemory(cache=cache), cache.let_pass, cache.take_away)


def test_what_is_kept_is_recalled_as_it_was(subject: Subject) -> None:
    assert subject.memory.recall(WELCOME) is None
    subject.memory.keep(WELCOME, LATE, for_s=60)
    assert subject.memory.recall(WELCOME) == LATE
    assert subject.memory.recall(UUID(int=1)) is None


def test_it_is_kept_for_its_time_and_no_longer(subject: Subject) -> None:
    subject.memory.keep(WELCOME, EARLY, for_s=60)
    subject.let_pass(50)
    assert subject.memory.recall(WELCOME) == EARLY
    subject.let_pass(11)
    assert subject.memory.recall(WELCOME) is None


def test_it_is_written_only_forward(subject: Subject) -> None:
    subject.memory.keep(WELCOME, EARLY, for_s=60)
    subject.memory.keep(WELCOME, LATE, for_s=60)
    subject.memory.keep(WELCOME, EARLY, for_s=60)
    assert subject.memory.recall(WELCOME) == LATE


def test_a_reading_from_before_a_change_does_not_come_after_it(subject: Subject) -> None:
    subject.memory.keep(WELCOME, LATE, for_s=3600)
    subject.memory.forget(WELCOME)
    assert subject.memory.recall(WELCOME) is None
    subject.memory.keep(WELCOME, LATE, for_s=3600)
    assert subject.memory.recall(WELCOME) is None
    subject.let_pass(BARRIER_S + 1)
    subject.memory.keep(WELCOME, LATE, for_s=3600)
    assert subject.memory.recall(WELCOME) == LATE


def test_without_redis_nothing_is_remembered_and_nothing_raised(subject: Subject) -> None:
    subject.memory.keep(WELCOME, LATE, for_s=60)
    subject.take_away()
    assert subject.memory.recall(WELCOME) is None
    subject.memory.keep(WELCOME, LATE, for_s=60)
    subject.memory.forget(WELCOME)
