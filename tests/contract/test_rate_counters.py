"""What counting promises, tried on Redis and on the counts of one process, which take over while Redis is away."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from chalicelib.domain.rate import Rate
from chalicelib.services.ports import RateCounters
from chalicelib.stores.cache import REST_AFTER_FAILURE_S, TIMEOUT_S, Cache
from chalicelib.stores.rate_counters import ProcessRateCounters, RedisRateCounters

TEN = Rate(amount=10, window_s=60)
CALLERS = 16
TRIES_EACH = 4


@dataclass
class SecondsClock:
    """Time that passes when a test says so."""

    now_s: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Subject:
    counters: RateCounters
    clock: SecondsClock


@pytest.fixture
def in_process() -> Subject:
    clock = SecondsClock()
    return Subject(ProcessRateCounters(clock_s=clock), clock)


@pytest.fixture
def in_redis(cache: Cache) -> Subject:
    clock = SecondsClock()
    return Subject(RedisRateCounters(cache=cache, clock_s=clock), clock)


@pytest.fixture
def redis_away(away: Cache) -> Subject:
    clock = SecondsClock()
    return Subject(RedisRateCounters(cache=away, clock_s=clock), clock)


@pytest.fixture(params=["in_process", "in_redis", "redis_away"])
def subject(request: pytest.FixtureRequest) -> Subject:
    chosen: Subject = request.getfixturevalue(request.param)
    return chosen


def until_refused(counters: RateCounters, name: str, rate: Rate) -> int:
    """How many pass, of rather more than may."""
    return sum(not counters.hit(name, rate).exceeded for _ in range(rate.amount + 5))


def test_what_remains_falls_to_nothing_and_then_the_rate_is_exceeded(subject: Subject) -> None:
    standings = [subject.counters.hit("somebody", TEN) for _ in range(12)]
    assert [standing.remaining for standing in standings] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]
    assert [standing.exceeded for standing in standings] == [False] * 10 + [True] * 2
    assert {standing.limit for standing in standings} == {10}


def test_each_name_has_a_count_of_its_own(subject: Subject) -> None:
    assert until_refused(subject.counters, "somebody", TEN) == 10
    assert until_refused(subject.counters, "somebody else", TEN) == 10


def test_two_rates_of_one_name_count_apart_when_their_windows_differ(subject: Subject) -> None:
    assert until_refused(subject.counters, "somebody", TEN) == 10
    assert until_refused(subject.counters, "somebody", Rate(amount=3, window_s=3600)) == 3


@pytest.mark.parametrize("name", ["", "näme", "a" * 10_000, "with\nline\0end"])
def test_any_text_is_a_name(subject: Subject, name: str) -> None:
    assert subject.counters.hit(name, TEN).remaining == 9


def test_a_refused_caller_may_come_back_when_told(subject: Subject) -> None:
    until_refused(subject.counters, "somebody", TEN)
    standing = subject.counters.hit("somebody", TEN)
    assert 1 <= standing.reset_s <= TEN.window_s
    subject.clock.now_s += standing.reset_s
    assert subject.counters.hit("somebody", TEN).remaining == 9


def test_the_windows_of_different_names_do_not_begin_together(subject: Subject) -> None:
    resets = {subject.counters.hit(f"caller {number}", TEN).reset_s for number in range(20)}
    assert len(resets) > 5


def test_a_rate_that_was_raised_is_worth_the_difference_at_once(subject: Subject) -> None:
    until_refused(subject.counters, "somebody", TEN)
    assert subject.counters.hit("somebody", Rate(amount=20, window_s=60)).exceeded is False


def test_of_many_threads_together_just_as_many_pass_as_may(subject: Subject) -> None:
    subject.clock.now_s = 1_000_000.0
    with ThreadPoolExecutor(CALLERS) as pool:
        for round_number in range(50):
            name = f"round {round_number}"
            hits = [pool.submit(subject.counters.hit, name, TEN) for _ in range(CALLERS)]
            assert sum(not hit.result().exceeded for hit in hits) == TEN.amount


def count_from_elsewhere(url: str, name: str, now_s: float) -> int:
    """How many hits of one process pass."""
    cache = Cache(url)
    try:
        counters = RedisRateCounters(cache=cache, clock_s=lambda: now_s)
        return sum(not counters.hit(name, TEN).exceeded for _ in range(TRIES_EACH))
    finally:
        cache.close()


def test_of_many_processes_together_just_as_many_pass_as_may(redis_url: str, cache: Cache) -> None:
    now_s = time.time()
    with ProcessPoolExecutor(CALLERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        for round_number in range(50):
            name = f"round {round_number} of processes"
            passed = [pool.submit(count_from_elsewhere, redis_url, name, now_s) for _ in range(CALLERS)]
            assert sum(each.result() for each in passed) == TEN.amount


def test_processes_share_one_count(cache: Cache) -> None:
    clock = SecondsClock()
    one, other = (RedisRateCounters(cache=cache, clock_s=clock) for _ in range(2))
    assert one.hit("somebody", TEN).remaining == 9
    assert other.hit("somebody", TEN).remaining == 8


def test_what_is_kept_names_nobody_and_ends_by_itself(cache: Cache) -> None:
    RedisRateCounters(cache=cache).hit("login:ada@example.com", TEN)
    with cache.client() as client:
        names = list(client.scan_iter())
        assert len(names) == 1
        assert b"ada" not in names[0]
        assert 0 < client.ttl(names[0]) <= TEN.window_s + 60


def test_scripts_that_redis_has_forgotten_are_loaded_again(cache: Cache) -> None:
    counters = RedisRateCounters(cache=cache)
    counters.hit("somebody", TEN)
    with cache.client() as client:
        client.script_flush()
    assert counters.hit("somebody", TEN).remaining == 8


def test_a_name_that_redis_holds_something_else_under_still_counts(cache: Cache) -> None:
    counters = RedisRateCounters(cache=cache, clock_s=SecondsClock())
    counters.hit("somebody", TEN)
    with cache.client() as client:
        (key,) = client.scan_iter()
        client.set(key, "no number")
    assert counters.hit("somebody", TEN).exceeded is False


def test_a_redis_that_is_away_is_not_asked_by_every_request(redis_away: Subject) -> None:
    redis_away.counters.hit("somebody", TEN)
    started_s = time.perf_counter()
    for _ in range(1000):
        redis_away.counters.hit("somebody", Rate(amount=5000, window_s=60))
    assert time.perf_counter() - started_s < min(REST_AFTER_FAILURE_S, 1000 * TIMEOUT_S)


def test_when_redis_comes_back_its_counts_hold_again(cache: Cache) -> None:
    counters = RedisRateCounters(cache=cache, clock_s=SecondsClock())
    until_refused(counters, "somebody", TEN)
    cache._rest_until_s = time.monotonic() + 60
    assert counters.hit("somebody", TEN).exceeded is False
    cache._rest_until_s = 0.0
    assert counters.hit("somebody", TEN).exceeded is True


def test_a_flood_of_names_takes_no_more_than_its_share_of_memory() -> None:
    counters = ProcessRateCounters(max_names=100)
    for number in range(1_000):
        counters.hit(f"name {number}", TEN)
        counters.hit("faithful", Rate(amount=5000, window_s=86_400))
    assert len(counters._counts) == 100
    assert counters.hit("faithful", Rate(amount=5000, window_s=86_400)).remaining == 5000 - 1001
