"""What the memory of idempotency keys promises, tried on the real Redis and on the fake that other tests use."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from chalicelib.domain.delivery import RememberedRequest
from chalicelib.errors import CacheUnavailable, RequestInProgress
from chalicelib.services.ports import RequestMemory
from chalicelib.stores.request_memory import UNDER_WAY_S, RedisRequestMemory
from tests.contract_cache import ManualCache, taking_away
from tests.fakes_core import FakeMemory, ManualClock

KEPT = RememberedRequest("key", b"\x00\xffhash", {"notification_id": "n-1", "deliveries": [{"status": "accepted"}]})


@dataclass
class Subject:
    memory: RequestMemory
    let_pass: Callable[[float], None]
    take_away: Callable[[], None]


@pytest.fixture
def fake() -> Subject:
    clock = ManualClock()
    memory = FakeMemory(clock)
    return Subject(memory, clock.advance, taking_away(memory))


@pytest.fixture
def real(cache: ManualCache) -> Subject:
    return Subject(RedisRequestMemory(cache=cache), cache.let_pass, cache.take_away)


def begin(subject: Subject, *, owner: str = "one", client_id: str = "client") -> RememberedRequest | None:
    return subject.memory.begin(client_id, "key", request_hash=b"hash", owner=owner)


def test_the_first_may_go_on_and_the_second_may_not(subject: Subject) -> None:
    assert begin(subject) is None
    with pytest.raises(RequestInProgress) as refused:
        begin(subject, owner="two")
    assert refused.value.retry_after_s >= 1


def test_what_is_remembered_comes_back_whole(subject: Subject) -> None:
    begin(subject)
    subject.memory.remember("client", KEPT, for_s=60)
    assert begin(subject, owner="two") == KEPT


def test_keys_of_two_clients_are_two_keys(subject: Subject) -> None:
    begin(subject)
    assert begin(subject, client_id="another") is None


def test_an_abandoned_key_is_free(subject: Subject) -> None:
    begin(subject)
    subject.memory.abandon("client", "key", request_hash=b"hash", owner="one")
    assert begin(subject, owner="two") is None


def test_only_its_owner_abandons_a_marker(subject: Subject) -> None:
    begin(subject)
    subject.memory.abandon("client", "key", request_hash=b"hash", owner="two")
    with pytest.raises(RequestInProgress):
        begin(subject, owner="two")


def test_an_answer_is_not_abandoned(subject: Subject) -> None:
    begin(subject)
    subject.memory.remember("client", KEPT, for_s=60)
    subject.memory.abandon("client", "key", request_hash=b"hash", owner="one")
    assert begin(subject) == KEPT


def test_the_marker_of_a_process_that_died_ends_by_itself(subject: Subject) -> None:
    begin(subject)
    subject.let_pass(UNDER_WAY_S + 1)
    assert begin(subject, owner="two") is None


def test_an_answer_is_forgotten_when_its_time_is_over(subject: Subject) -> None:
    begin(subject)
    subject.memory.remember("client", KEPT, for_s=60)
    subject.let_pass(61)
    assert begin(subject, owner="two") is None


@pytest.mark.parametrize("call", ["begin", "remember", "abandon"])
def test_when_it_is_away_it_says_so(subject: Subject, call: str) -> None:
    subject.take_away()
    calls: dict[str, Callable[[], object]] = {
        "begin": lambda: begin(subject),
        "remember": lambda: subject.memory.remember("client", KEPT, for_s=60),
        "abandon": lambda: subject.memory.abandon("client", "key", request_hash=b"hash", owner="one"),
    }
    with pytest.raises(CacheUnavailable):
        calls[call]()


def test_of_many_at_once_exactly_one_goes_on(real: Subject) -> None:
    def attempt(number: int) -> bool:
        try:
            return begin(real, owner=str(number)) is None
        except RequestInProgress:
            return False

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(attempt, range(64))) == 1
