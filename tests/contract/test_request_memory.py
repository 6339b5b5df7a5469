"""What the memory of idempotency keys promises, tried on the real Redis and on the fake that other tests use."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from chalicelib.domain.delivery import RememberedRequest
from chalicelib.errors import CacheUnavailable, RequestInProgress
from chalicelib.services.ports import RequestMemory
from chalicelib.stores.cache import Cache
from chalicelib.stores.request_memory import UNDER_WAY_S, RedisRequestMemory
from offline.services.private import Endpoint
from tests.fakes_core import FakeMemory, ManualClock

KEPT = RememberedRequest("key", b"\x00\xffhash", {"notification_id": "n-1", "deliveries": [{"status": "accepted"}]})


@dataclass
class Subject:
    memory: RequestMemory
    let_pass: Callable[[int], None]
    take_away: Callable[[], None]


@pytest.fixture
def fake() -> Subject:
    clock = ManualClock()
    memory = FakeMemory(clock)

    def take_away() -> None:
        memory.up = False

    return Subject(memory, clock.advance, take_away)


@pytest.fixture
def real(servers: dict[str, Endpoint]) -> Iterator[Subject]:
    url = f"{servers['valkey'].url.rpartition('/')[0]}/2"
    cache = Cache(url)
    away = Cache("redis://127.0.0.1:1/0")
    memory = RedisRequestMemory(cache=cache)
    with cache.client() as client:
        client.flushdb()

    def let_pass(seconds: int) -> None:
        """Redis has no clock to turn: what would have ended by then ends now."""
        with cache.client() as client:
            for name in client.scan_iter():
                left_s = client.ttl(name)
                assert left_s > 0, "a key that never ends"
                client.expire(name, max(0, left_s - seconds))

    def take_away() -> None:
        memory._cache = away

    try:
        yield Subject(memory, let_pass, take_away)
    finally:
        cache.close()
        away.close()


@pytest.fixture(params=["fake", "real"])
def subject(request: pytest.FixtureRequest) -> Subject:
    chosen: Subject = request.getfixturevalue(request.param)
    return chosen


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
