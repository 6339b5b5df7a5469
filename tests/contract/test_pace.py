"""What the keepers of a pace promise: the one in Redis and the one in memory give the same slots."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.pace import Pace, Slot, Turn
from chalicelib.stores.cache import Cache
from chalicelib.stores.pace import ProcessPace, SharedPace
from tests.contract_cache import ManualCache

INTERVAL_S = 30.0
NOW = Slot(Turn.TAKEN, 0)
CLOSE_S = 0.5
"""Redis' clock goes on while a test runs."""


@dataclass
class Subject:
    pace: Pace
    let_pass: Callable[[float], None]


def local_pace() -> Subject:
    now_s = [1_000_000.0]

    def let_pass(seconds: float) -> None:
        now_s[0] += seconds

    return Subject(ProcessPace(INTERVAL_S, monotonic_s=lambda: now_s[0]), let_pass)


def shared_pace(cache: Cache, name: str) -> Subject:
    def let_pass(seconds: float) -> None:
        """Redis has no clock to turn: all that was, was so much earlier."""
        with cache.client() as client:
            for field, at in client.hgetall(f"pace:{name}").items():
                client.hset(f"pace:{name}", field, int(at) - int(seconds * 1_000_000))

    return Subject(SharedPace(name, INTERVAL_S, cache=cache, monotonic_s=lambda: 0.0), let_pass)


@pytest.fixture
def fake() -> Subject:
    return local_pace()


@pytest.fixture
def real(cache: Cache) -> Subject:
    return shared_pace(cache, "email:main")


def closely(slot: Slot) -> tuple[Turn, object]:
    return slot.turn, pytest.approx(slot.wait_s, abs=CLOSE_S)


def answer(slot: Slot) -> tuple[Turn, float]:
    return slot.turn, slot.wait_s


def test_the_first_slot_is_there_at_once(subject: Subject) -> None:
    assert subject.pace.take(longest_wait_s=0) == NOW


def test_the_following_are_evenly_spaced(subject: Subject) -> None:
    slots = [subject.pace.take(longest_wait_s=1000) for _ in range(4)]
    assert [slot.wait_s for slot in slots] == pytest.approx([0, 30, 60, 90], abs=CLOSE_S)


def test_a_slot_too_far_away_is_not_taken_and_told_when_to_ask_again(subject: Subject) -> None:
    subject.pace.take(longest_wait_s=0)
    for _ in range(3):
        assert answer(subject.pace.take(longest_wait_s=10)) == closely(Slot(Turn.TOO_FAR, 20))
    assert answer(subject.pace.take(longest_wait_s=30)) == closely(Slot(Turn.TAKEN, 30))


def test_who_only_looks_takes_nothing(subject: Subject) -> None:
    assert [subject.pace.look(longest_wait_s=0) for _ in range(3)] == [NOW] * 3
    subject.pace.take(longest_wait_s=0)
    assert answer(subject.pace.look(longest_wait_s=0)) == closely(Slot(Turn.TOO_FAR, 30))


def test_time_that_nobody_used_is_not_made_up_for(subject: Subject) -> None:
    subject.pace.take(longest_wait_s=0)
    subject.let_pass(300)
    slots = [subject.pace.take(longest_wait_s=100) for _ in range(3)]
    assert [slot.wait_s for slot in slots] == pytest.approx([0, 30, 60], abs=CLOSE_S)


def test_while_a_provider_is_held_there_are_no_slots(subject: Subject) -> None:
    subject.pace.hold(40)
    subject.pace.hold(20)  # the longer one holds
    for ask in (subject.pace.take, subject.pace.look):
        assert answer(ask(longest_wait_s=1000)) == closely(Slot(Turn.HELD, 40))
    subject.let_pass(41)
    assert subject.pace.take(longest_wait_s=0) == NOW


def test_a_hold_gives_no_taken_slot_back(subject: Subject) -> None:
    subject.pace.take(longest_wait_s=0)
    subject.pace.hold(10)
    subject.let_pass(11)
    assert answer(subject.pace.take(longest_wait_s=0)) == closely(Slot(Turn.TOO_FAR, 19))


def test_a_slot_of_a_clock_that_was_put_back_or_of_a_slower_rate_holds_nobody_up(subject: Subject) -> None:
    subject.pace.take(longest_wait_s=0)
    subject.let_pass(-3600)
    assert subject.pace.look(longest_wait_s=0) == NOW
    assert subject.pace.take(longest_wait_s=0) == NOW
    assert answer(subject.pace.take(longest_wait_s=0)) == closely(Slot(Turn.TOO_FAR, 30))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["take", "look", "hold"]), st.integers(0, 90).map(lambda tens: tens * 10 + 5.0)),
        st.tuples(st.just("pass"), st.integers(0, 20).map(lambda tens: tens * 10.0)),
    ),
    max_size=20,
)
NAMES = count()


@given(STEPS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_asked_both_give_the_same_slots(cache: Cache, steps: list[tuple[str, float]]) -> None:
    alone, shared = local_pace(), shared_pace(cache, f"steps-{next(NAMES)}")
    for verb, seconds in steps:
        if verb == "pass":
            alone.let_pass(seconds)
            shared.let_pass(seconds)
        elif verb == "hold":
            alone.pace.hold(seconds)
            shared.pace.hold(seconds)
        else:
            slots = [getattr(pace, verb)(longest_wait_s=seconds) for pace in (alone.pace, shared.pace)]
            assert answer(slots[1]) == closely(slots[0])


def test_while_redis_is_away_each_process_keeps_the_pace_for_itself(away: Cache) -> None:
    pace = SharedPace("email:main", INTERVAL_S, cache=away, monotonic_s=lambda: 7.0)
    assert pace.take(longest_wait_s=0) == NOW
    assert pace.take(longest_wait_s=0).turn is Turn.TOO_FAR
    pace.hold(5)
    assert pace.look(longest_wait_s=100) == Slot(Turn.HELD, 5)


def test_what_redis_said_last_holds_when_it_goes_away(cache: ManualCache) -> None:
    pace = SharedPace("email:main", INTERVAL_S, cache=cache, monotonic_s=lambda: 7.0)
    assert pace.take(longest_wait_s=0) == NOW
    cache.take_away()
    assert pace.take(longest_wait_s=1).turn is Turn.TOO_FAR
