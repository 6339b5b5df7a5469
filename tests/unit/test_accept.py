"""A 202 is a promise: whatever dies around it, either nothing was promised or relay finds the row."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chalicelib.domain.catalog import NewTemplate
from chalicelib.domain.notification import OPEN, Platform, Status
from chalicelib.domain.recipient import PushTarget
from chalicelib.domain.request import IdempotencyKey, NamedRecipient, SendNotification
from chalicelib.errors import DatabaseUnavailable, InvalidRequest, RequestInProgress
from chalicelib.services.accept import Accepted, accept
from chalicelib.services.load_compiled import load_compiled
from chalicelib.services.ports import CompiledContents
from chalicelib.services.relay import relay
from tests.fakes_core import (
    EMAIL,
    PUSH,
    Died,
    FakeCourier,
    FakeMemory,
    FakeWishes,
    Faulty,
    Ledger,
    ManualClock,
    RecordingLog,
)
from tests.fakes_people import FakeDevices, FakePeople, FakeTemplates, FakeUsers

TO_ADA = SendNotification(
    "client",
    "correlation-1",
    "welcome",
    recipient=NamedRecipient("ada@example.org", "Ada", "en", (PushTarget("token", Platform.IOS),)),
    variables={"name": "Ada", "what": "it"},
    idempotency=IdempotencyKey("key", b"hash"),
)
CALLS = [
    ("memory", "begin"),
    ("notifications", "find_remembered"),
    ("people", "find_person"),
    ("catalog", "find_published"),
    ("compiled", "__call__"),
    ("notifications", "record"),
    ("courier", "publish"),
    ("outbox", "mark_queued"),
    ("memory", "remember"),
]
BEFORE_THE_COMMIT = CALLS[:5]


class World:
    """Everything that accepting needs, up and empty but for a user and a published template."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.memory = FakeMemory(self.clock)
        self.ledger = Ledger(self.clock)
        self.courier = FakeCourier()
        self.templates = FakeTemplates()
        self.templates.insert(NewTemplate("welcome", "Welcome", None, "en", (EMAIL, PUSH)))
        self.templates.publish("welcome", 1)

    def collaborators(self) -> dict[str, Any]:  # Any: each is of its own port
        users = FakeUsers()
        return {
            "memory": self.memory,
            "people": FakePeople(users, FakeDevices(users)),
            "preferences_of": FakeWishes(),
            "catalog": self.templates,
            "compiled": self.compiled,
            "notifications": self.ledger,
            "outbox": self.ledger,
            "courier": self.courier,
        }

    def compiled(self, code: str, number: int, /) -> CompiledContents:
        return load_compiled(code, number, versions=self.templates)

    def accept(self, command: SendNotification = TO_ADA, **faulty: object) -> Accepted:
        return accept(command, **{**self.collaborators(), **faulty}, clock=self.clock, remember_s=60)

    def accept_while(
        self, name: str, call: str, error: BaseException, *, effect: bool, command: SendNotification = TO_ADA
    ) -> Accepted:
        return self.accept(command, **{name: Faulty(self.collaborators()[name], call, error, effect=effect)})

    def relay_later(self) -> None:
        self.clock.advance(6)
        relay(
            outbox=self.ledger,
            courier=self.courier,
            gauge=self.courier,
            clock=self.clock,
            remaining_s=lambda: 0.0,
            pause=lambda _: None,
            log=RecordingLog(),
        )

    @property
    def published(self) -> set[UUID]:
        return {UUID(dispatch.message_id) for dispatch in self.courier.taken}

    def require_that_every_promise_is_kept(self) -> None:
        """Every recorded open row is in the broker, or has a time at which relay publishes it."""
        self.relay_later()
        self.require_published()

    def require_published(self) -> None:
        recorded = {delivery.delivery_id for new in self.ledger.recorded.values() for delivery in new.deliveries}
        assert recorded <= self.published


class TooEarly(Ledger):
    """Looks before the other request has committed."""

    def find_remembered(self, client_id: str, key: str) -> None:
        return None


@pytest.fixture
def world() -> World:
    return World()


def deliveries_of(accepted: Accepted) -> list[Mapping[str, str]]:
    deliveries = accepted.answer["deliveries"]
    assert isinstance(deliveries, list)
    return deliveries


def test_an_accepted_notification_is_recorded_published_and_noted(world: World) -> None:
    accepted = world.accept()
    assert not accepted.replayed
    assert [str(notification_id) for notification_id in world.ledger.recorded] == [accepted.notification_id]
    assert len(world.courier.taken) == 2
    assert {row.status for row in world.ledger.rows.values()} == {Status.QUEUED}


def test_the_answer_names_every_delivery_and_why_one_is_skipped(world: World) -> None:
    accepted = world.accept(replace(TO_ADA, recipient=NamedRecipient("ada@example.org")))
    assert accepted.answer["status"] == "accepted"
    assert [(one["channel"], one["status"], one.get("reason")) for one in deliveries_of(accepted)] == [
        ("email", "accepted", None),
        ("push", "skipped", "no_device"),
    ]
    assert len(world.courier.taken) == 1


def test_a_scheduled_notification_is_not_published_before_its_time(world: World) -> None:
    accepted = world.accept(replace(TO_ADA, send_at=world.clock() + timedelta(hours=1)))
    assert accepted.answer["status"] == "scheduled"
    assert world.courier.taken == []
    world.clock.advance(3600)
    world.require_that_every_promise_is_kept()


def test_the_same_key_and_request_get_the_same_answer(world: World) -> None:
    first, second = world.accept(), world.accept()
    assert second.replayed
    assert second.answer == first.answer
    assert len(world.ledger.recorded) == 1


def test_without_a_key_each_request_is_a_notification(world: World) -> None:
    keyless = replace(TO_ADA, idempotency=None)
    assert world.accept(keyless).notification_id != world.accept(keyless).notification_id
    assert world.memory.markers == {}


def test_a_refused_request_leaves_its_key_free(world: World) -> None:
    with pytest.raises(InvalidRequest):
        world.accept(replace(TO_ADA, variables={}))
    assert world.ledger.recorded == {}
    assert not world.accept().replayed


@pytest.mark.parametrize("up", [True, False])
def test_without_redis_a_key_is_worth_as_much(world: World, up: bool) -> None:
    world.memory.up = False
    first = world.accept()
    world.memory.up = up
    assert world.accept().answer == first.answer


def test_of_two_requests_that_pass_each_other_without_redis_one_is_told_to_wait(world: World) -> None:
    world.memory.up = False
    world.accept()
    with pytest.raises(RequestInProgress):
        world.accept(notifications=TooEarly(world.ledger.clock, keys=world.ledger.keys))
    assert len(world.ledger.recorded) == 1


def test_while_the_broker_is_away_it_is_accepted_and_relay_publishes_it(world: World) -> None:
    world.courier.up = False
    assert world.accept().answer["status"] == "accepted"
    world.courier.up = True
    world.require_that_every_promise_is_kept()


def test_what_the_broker_took_in_part_relay_completes(world: World) -> None:
    world.courier.most = 1
    world.accept()
    world.courier.most = 100
    world.require_that_every_promise_is_kept()


def test_when_the_note_cannot_be_written_the_promise_stands(world: World) -> None:
    accepted = world.accept_while("outbox", "mark_queued", DatabaseUnavailable("away"), effect=False)
    assert accepted.notification_id
    world.require_published()


@pytest.mark.parametrize("effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("name", "call"), CALLS, ids=str)
def test_a_process_that_dies_at_any_call_has_promised_nothing_or_left_it_to_relay(
    world: World, name: str, call: str, effect: bool
) -> None:
    command = replace(TO_ADA, recipient=None, user_id=UUID(int=1)) if name == "people" else TO_ADA
    with pytest.raises(Died):
        world.accept_while(name, call, Died(), effect=effect, command=command)
    if (name, call) in BEFORE_THE_COMMIT or ((name, call) == ("notifications", "record") and not effect):
        assert world.ledger.recorded == {}
    else:
        assert all(row.wake_at for row in world.ledger.rows.values() if row.status in OPEN)
        world.require_that_every_promise_is_kept()


@pytest.mark.parametrize("effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("name", "call"), CALLS[:2] + CALLS[3:], ids=str)
def test_a_caller_who_repeats_itself_after_any_such_death_is_one_notification(
    world: World, name: str, call: str, effect: bool
) -> None:
    with pytest.raises(Died):
        world.accept_while(name, call, Died(), effect=effect)
    world.clock.advance(31)  # the marker of who could not even let go of it has ended
    accepted = world.accept()
    assert [str(notification_id) for notification_id in world.ledger.recorded] == [accepted.notification_id]
    world.require_that_every_promise_is_kept()


@pytest.mark.parametrize("effect", [False, True], ids=["undone", "done"])
def test_a_commit_whose_fate_is_unknown_is_not_answered_with_a_promise(world: World, effect: bool) -> None:
    with pytest.raises(DatabaseUnavailable):
        world.accept_while("notifications", "record", DatabaseUnavailable("lost"), effect=effect)
    again = world.accept()
    assert again.replayed == effect
    assert len(world.ledger.recorded) == 1
    world.require_that_every_promise_is_kept()
