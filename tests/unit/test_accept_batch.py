"""A batch is as many posts: each item has its own outcome, whatever becomes of the others."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from chalicelib.domain.catalog import NewTemplate
from chalicelib.domain.delivery import NewRecord
from chalicelib.domain.notification import Status
from chalicelib.domain.request import IdempotencyKey, NamedRecipient, SendNotification
from chalicelib.errors import BodyTooLarge, CarillonError, DatabaseUnavailable, InvalidRequest, RequestInProgress
from chalicelib.services.accept import Accepted
from chalicelib.services.accept_batch import MOST_TOGETHER, Outcome, accept_batch
from chalicelib.services.load_compiled import load_compiled
from chalicelib.services.ports import CompiledContents
from tests.contract_people import a_user
from tests.fakes_core import EMAIL, Died, FakeCourier, FakeWishes, Faulty, Ledger, ManualClock
from tests.fakes_people import FakeDevices, FakePeople, FakeTemplates, FakeUsers

TO_GRACE = SendNotification(
    "billing",
    "correlation-1",
    "welcome",
    recipient=NamedRecipient("grace@example.org", "Grace", "en"),
    variables={"name": "Grace"},
)
UNHEARD_OF = replace(TO_GRACE, template_code="unheard-of")


def keyed(key: str, request_hash: bytes = b"hash", command: SendNotification = TO_GRACE) -> SendNotification:
    return replace(command, idempotency=IdempotencyKey(key, request_hash))


class World:
    """A person, a published template, and everything up."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.ledger = Ledger(self.clock)
        self.courier = FakeCourier()
        self.wishes = FakeWishes()
        self.users = FakeUsers()
        self.people = FakePeople(self.users, FakeDevices(self.users))
        self.ada = self.users.insert(a_user())
        self.templates = FakeTemplates()
        self.templates.insert(NewTemplate("welcome", "Welcome", None, "en", (EMAIL,)))
        self.templates.publish("welcome", 1)

    def collaborators(self) -> dict[str, Any]:  # Any: each is of its own port
        return {
            "people": self.people,
            "preferences_of": self.wishes,
            "catalog": self.templates,
            "compiled": self.compiled,
            "notifications": self.ledger,
            "outbox": self.ledger,
            "courier": self.courier,
        }

    def compiled(self, code: str, number: int, /) -> CompiledContents:
        return load_compiled(code, number, versions=self.templates)

    def accept(self, *items: SendNotification | CarillonError, **faulty: object) -> Sequence[Outcome]:
        return accept_batch(items, **{**self.collaborators(), **faulty}, clock=self.clock, remember_s=60)

    @property
    def to_ada(self) -> SendNotification:
        return replace(TO_GRACE, recipient=None, user_id=self.ada.id)


@pytest.fixture
def world() -> World:
    return World()


def id_of(outcome: Outcome) -> UUID:
    assert isinstance(outcome, Accepted), outcome
    return UUID(outcome.notification_id)


def test_all_are_recorded_published_at_once_and_noted(world: World) -> None:
    outcomes = world.accept(*[TO_GRACE] * 3)
    assert [id_of(outcome) for outcome in outcomes] == list(world.ledger.recorded)
    assert len(world.courier.taken) == 3
    assert {row.status for row in world.ledger.rows.values()} == {Status.QUEUED}


def test_one_that_is_wrong_stands_in_nobodys_way(world: World) -> None:
    refused = BodyTooLarge("too large")
    nobody = replace(world.to_ada, user_id=uuid4())
    first, second, third, fourth, fifth = world.accept(world.to_ada, UNHEARD_OF, refused, nobody, TO_GRACE)
    assert isinstance(first, Accepted)
    assert isinstance(fifth, Accepted)
    assert isinstance(second, InvalidRequest)
    assert third is refused
    assert isinstance(fourth, InvalidRequest)
    assert (second.problem_code, fourth.problem_code) == ("template_not_found", "user_not_found")
    assert len(world.ledger.recorded) == 2


def test_people_and_preferences_are_looked_up_once_for_all(world: World) -> None:
    asked: list[object] = []

    class Counting(FakePeople):
        def find_persons(self, user_ids: Any) -> Any:  # Any: as the fake's own
            asked.append(user_ids)
            return super().find_persons(user_ids)

    grace = world.users.insert(replace(a_user(), id=uuid4(), email="grace@example.org"))
    people = Counting(world.users, FakeDevices(world.users))
    world.accept(*[world.to_ada, replace(world.to_ada, user_id=grace.id)] * 5, people=people)
    assert asked == [{world.ada.id, grace.id}]


def test_the_same_key_twice_is_a_post_and_its_replay(world: World) -> None:
    first, second = world.accept(keyed("key"), keyed("key"))
    assert id_of(first) == id_of(second)
    assert isinstance(second, Accepted)
    assert second.replayed
    assert len(world.ledger.recorded) == 1


def test_the_same_key_for_something_else_is_refused(world: World) -> None:
    first, second = world.accept(keyed("key"), keyed("key", b"other"))
    assert isinstance(first, Accepted)
    assert isinstance(second, InvalidRequest)
    assert second.problem_code == "idempotency_key_reused"


def test_a_refused_item_does_not_use_its_key_up(world: World) -> None:
    first, second = world.accept(keyed("key", command=UNHEARD_OF), keyed("key", b"other"))
    assert isinstance(first, InvalidRequest)
    assert isinstance(second, Accepted)
    assert not second.replayed


def test_the_same_batch_again_is_replayed(world: World) -> None:
    items = [keyed(f"key-{number}") for number in range(3)]
    first = world.accept(*items)
    again = world.accept(*items)
    assert [id_of(outcome) for outcome in again] == [id_of(outcome) for outcome in first]
    assert all(isinstance(outcome, Accepted) and outcome.replayed for outcome in again)
    assert len(world.courier.taken) == 3


class TooEarly(Ledger):
    """Looks before the others have committed."""

    def find_all_remembered(self, client_id: str, keys: Any) -> Any:  # Any: as the fake's own
        return {}


def test_a_key_that_another_request_takes_meanwhile_costs_its_own_items_alone(world: World) -> None:
    world.ledger = TooEarly(world.clock)
    world.accept(keyed("taken"))
    taken, free, follower = world.accept(keyed("taken"), keyed("free"), keyed("taken"))
    assert isinstance(taken, RequestInProgress)
    assert isinstance(follower, RequestInProgress)
    assert isinstance(free, Accepted)


class GoesAway(Ledger):
    """Its database goes away after the first chunk."""

    def record_all(self, new: Sequence[NewRecord], *, remember_s: int) -> frozenset[UUID]:
        if self.recorded:
            raise DatabaseUnavailable("away")
        return super().record_all(new, remember_s=remember_s)


def test_when_the_database_goes_away_in_the_middle_what_is_committed_is_told_and_published(world: World) -> None:
    world.ledger = GoesAway(world.clock)
    outcomes = world.accept(*[TO_GRACE] * (MOST_TOGETHER * 2 + 1), UNHEARD_OF)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes[:MOST_TOGETHER])
    assert all(isinstance(outcome, DatabaseUnavailable) for outcome in outcomes[MOST_TOGETHER:-1])
    assert isinstance(outcomes[-1], InvalidRequest)
    assert len(world.courier.taken) == MOST_TOGETHER


@pytest.mark.parametrize("call", ["record_all", "find_all_remembered"])
def test_when_nothing_can_be_stored_the_whole_is_unavailable(world: World, call: str) -> None:
    away = Faulty(world.ledger, call, DatabaseUnavailable("away"), effect=False)
    with pytest.raises(DatabaseUnavailable):
        world.accept(keyed("a"), keyed("b"), notifications=away)


def test_while_the_people_cannot_be_asked_recipients_are_served(world: World) -> None:
    away = Faulty(world.people, "find_persons", DatabaseUnavailable("away"), effect=False)
    ada, grace, ada_again = world.accept(world.to_ada, TO_GRACE, world.to_ada, people=away)
    assert isinstance(ada, DatabaseUnavailable)
    assert isinstance(ada_again, DatabaseUnavailable)
    assert isinstance(grace, Accepted)


def test_without_the_broker_it_is_accepted_and_left_to_relay(world: World) -> None:
    world.courier.up = False
    outcomes = world.accept(*[TO_GRACE] * 3)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert all(row.status is Status.ACCEPTED and row.wake_at for row in world.ledger.rows.values())


@pytest.mark.parametrize(
    ("name", "call"), [("notifications", "record_all"), ("courier", "publish"), ("outbox", "mark_queued")]
)
@pytest.mark.parametrize("effect", [False, True], ids=["before", "after"])
def test_a_process_that_dies_leaves_what_a_repetition_completes_without_doing_it_twice(
    world: World, name: str, call: str, effect: bool
) -> None:
    items = [keyed(f"key-{number}") for number in range(3)]
    with pytest.raises(Died):
        world.accept(*items, **{name: Faulty(world.collaborators()[name], call, Died(), effect=effect)})
    world.accept(*items)
    assert len(world.ledger.recorded) == 3
    assert all(row.wake_at for row in world.ledger.rows.values())
