"""What the counting of failed logins promises, tried on the real Redis and on the fake that other tests use."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from chalicelib.domain.rate import Rate
from chalicelib.errors import CacheUnavailable, TooManyRequests
from chalicelib.services.log_in import LoginAttempts
from chalicelib.stores.cache import Cache
from chalicelib.stores.login_attempts import RedisLoginAttempts
from tests.contract_cache import ManualCache
from tests.fakes_auth import FakeLoginAttempts
from tests.fakes_core import ManualClock

THREE, FIVE = Rate(3, 60), Rate(5, 60)
ADA = {"ada": THREE, "office": FIVE}
EVE = {"eve": THREE, "office": FIVE}


@dataclass
class Subject:
    attempts: LoginAttempts
    let_pass: Callable[[float], None]


@pytest.fixture
def fake() -> Subject:
    clock = ManualClock()
    return Subject(FakeLoginAttempts(clock), clock.advance)


@pytest.fixture
def real(cache: ManualCache) -> Subject:
    return Subject(RedisLoginAttempts(cache=cache), cache.let_pass)


def take(subject: Subject, rates: dict[str, Rate], times: int = 1) -> None:
    for _ in range(times):
        subject.attempts.take(rates)


def test_as_many_as_allowed_may_fail_and_no_more_until_the_window_ends(subject: Subject) -> None:
    take(subject, ADA, 3)
    with pytest.raises(TooManyRequests) as refused:
        take(subject, ADA)
    assert 50 <= refused.value.retry_after_s <= 60
    subject.let_pass(61)
    take(subject, ADA, 3)


def test_every_name_has_its_own_count(subject: Subject) -> None:
    take(subject, ADA, 3)
    take(subject, EVE, 2)
    with pytest.raises(TooManyRequests):
        take(subject, EVE)
    take(subject, {"eve": THREE, "home": FIVE})


def test_a_refused_attempt_counts_nowhere_and_prolongs_nothing(subject: Subject) -> None:
    take(subject, ADA, 3)
    subject.let_pass(30)
    for _ in range(9):
        with pytest.raises(TooManyRequests):
            take(subject, ADA)
    take(subject, EVE, 2)
    subject.let_pass(31)
    take(subject, ADA)


def test_what_did_not_fail_is_taken_back(subject: Subject) -> None:
    for _ in range(20):
        take(subject, ADA)
        subject.attempts.give_back(ADA)
    take(subject, ADA, 3)
    with pytest.raises(TooManyRequests):
        take(subject, ADA)


def test_taking_back_what_was_forgotten_gives_nothing_away(subject: Subject) -> None:
    subject.attempts.give_back(ADA)
    take(subject, ADA, 3)
    with pytest.raises(TooManyRequests):
        take(subject, ADA)


def test_of_many_at_once_no_more_than_allowed_are_let_through(real: Subject) -> None:
    def attempt(_: int) -> bool:
        try:
            real.attempts.take(ADA)
        except TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(attempt, range(64))) == 3


def test_what_a_name_stands_for_cannot_be_read_in_redis(real: Subject, cache: Cache) -> None:
    real.attempts.take({"account ada@example.com": THREE})
    with cache.client() as client:
        names = [str(name) for name in client.scan_iter()]
    assert len(names) == 1
    assert "ada" not in names[0]


def test_when_redis_is_away_it_says_so(away: Cache) -> None:
    with pytest.raises(CacheUnavailable):
        RedisLoginAttempts(cache=away).take(ADA)
