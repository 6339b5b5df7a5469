"""One request's dealings with its idempotency key."""

import pytest

from chalicelib.domain.delivery import RememberedRequest
from chalicelib.domain.request import IdempotencyKey
from chalicelib.errors import DatabaseUnavailable, InvalidRequest, RequestInProgress
from chalicelib.services.ports import Notifications
from chalicelib.services.recall import Recollection
from tests.fakes_core import FakeMemory, Faulty, Ledger, ManualClock

ANSWER = {"notification_id": "n-1"}


class World:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.memory = FakeMemory(self.clock)
        self.ledger = Ledger(self.clock)

    def request(
        self, *, request_hash: bytes = b"hash", client_id: str = "client", notifications: Notifications | None = None
    ) -> Recollection:
        return Recollection(
            client_id,
            IdempotencyKey("key", request_hash),
            memory=self.memory,
            notifications=notifications or self.ledger,
            remember_s=60,
        )

    def commit(self, request_hash: bytes = b"hash") -> None:
        self.ledger.keys["client", "key"] = RememberedRequest("key", request_hash, ANSWER)


@pytest.fixture
def world() -> World:
    return World()


def test_the_first_request_with_a_key_is_under_way(world: World) -> None:
    assert world.request().begin() is None
    with pytest.raises(RequestInProgress):
        world.request().begin()


def test_what_is_kept_is_recalled(world: World) -> None:
    first = world.request()
    first.begin()
    first.keep(ANSWER)
    earlier = world.request().begin()
    assert earlier is not None
    assert earlier.answer == ANSWER


@pytest.mark.parametrize("redis_is_up", [True, False])
def test_what_was_committed_is_recalled_without_redis_and_by_a_redis_that_forgot(
    world: World, redis_is_up: bool
) -> None:
    world.commit()
    world.memory.up = redis_is_up
    earlier = world.request().begin()
    assert earlier is not None
    assert earlier.answer == ANSWER
    assert world.memory.markers == {}


@pytest.mark.parametrize("where", ["memory", "database"])
def test_a_key_that_stands_for_another_request_is_refused(world: World, where: str) -> None:
    if where == "memory":
        first = world.request()
        first.begin()
        first.keep(ANSWER)
    else:
        world.commit()
    with pytest.raises(InvalidRequest) as refused:
        world.request(request_hash=b"other").begin()
    assert refused.value.problem_code == "idempotency_key_reused"
    assert world.memory.markers == {}


def test_keys_of_two_clients_are_two_keys(world: World) -> None:
    assert world.request().begin() is None
    assert world.request(client_id="another").begin() is None


def test_an_abandoned_key_is_free_again(world: World) -> None:
    first = world.request()
    first.begin()
    first.abandon()
    assert world.request().begin() is None


def test_nobody_abandons_the_turn_of_another(world: World) -> None:
    world.request().begin()
    world.request().abandon()
    with pytest.raises(RequestInProgress):
        world.request().begin()


def test_a_request_that_died_after_its_commit_is_answered_before_its_marker_ends(world: World) -> None:
    world.request().begin()
    world.commit()
    earlier = world.request().begin()
    assert earlier is not None
    assert earlier.answer == ANSWER


def test_a_request_that_died_before_its_commit_gives_way_when_its_marker_ends(world: World) -> None:
    world.request().begin()
    world.clock.advance(31)
    assert world.request().begin() is None


def test_when_the_database_cannot_be_asked_the_key_is_not_left_under_way(world: World) -> None:
    away = Faulty(world.ledger, "find_remembered", DatabaseUnavailable("away"), effect=False)
    with pytest.raises(DatabaseUnavailable):
        world.request(notifications=away).begin()
    assert world.request().begin() is None


def test_redis_going_away_in_between_changes_nothing(world: World) -> None:
    first = world.request()
    first.begin()
    world.memory.up = False
    first.keep(ANSWER)
    first.abandon()
