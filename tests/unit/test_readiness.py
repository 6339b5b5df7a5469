"""A batch is looked at a moment before each of it is sent, and not once for as long as it takes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from chalicelib.domain.delivery import Claimed
from chalicelib.domain.messages import DeliveryMessage
from chalicelib.domain.notification import Channel, Status
from chalicelib.domain.preferences import Preferences
from chalicelib.domain.recipient import PersonAddress
from chalicelib.errors import DatabaseUnavailable
from chalicelib.services.ports import CompiledContents
from chalicelib.services.readiness import LONGEST_KNOWN_S, Readiness
from chalicelib.services.settle import Settler
from tests.contract_people import a_user
from tests.fakes_core import (
    EMAIL,
    FakeCourier,
    FakeSettlements,
    FakeWishes,
    Ledger,
    ManualClock,
    RecordingLog,
    a_claim,
    compiled,
)
from tests.fakes_people import FakeDevices, FakePeople, FakeUsers

CONTENTS = compiled(EMAIL)


@dataclass
class FakeClaims:
    """Knows what was cancelled while it was in hand."""

    cancelled: set[UUID] = field(default_factory=set)
    up: bool = True

    def claim(self, messages: Collection[DeliveryMessage], *, lease_s: float, suspects: bool = True) -> list[Claimed]:
        raise NotImplementedError

    def defer(
        self, messages: Collection[DeliveryMessage], *, reason: str, detail: str, at_least_s: float
    ) -> frozenset[UUID]:
        raise NotImplementedError

    def find_suspects(self, messages: Collection[DeliveryMessage]) -> list[DeliveryMessage]:
        raise NotImplementedError

    def find_known(self, delivery_ids: Collection[UUID]) -> frozenset[UUID]:
        raise NotImplementedError

    def find_cancelled(self, delivery_ids: Collection[UUID]) -> frozenset[UUID]:
        if not self.up:
            raise DatabaseUnavailable("down")
        return frozenset(self.cancelled.intersection(delivery_ids))


def welcome(_code: str, _number: int, /) -> CompiledContents:
    return CONTENTS


class World:
    """A batch for one person, in rounds of two, and everything around it."""

    def __init__(self, batch: Sequence[Claimed], users: FakeUsers) -> None:
        self.now_s = 100.0
        self.claims, self.wishes, self.settlements = FakeClaims(), FakeWishes(), FakeSettlements()
        people = FakePeople(users, FakeDevices(users))
        self.settler = Settler(
            settlements=self.settlements,
            people=people,
            courier=FakeCourier(up=False),
            outbox=Ledger(),
            clock=ManualClock(),
            log=RecordingLog(),
            remaining_s=lambda: 60.0,
            pause=lambda _seconds: None,
        )
        self.left = Readiness(
            claims=self.claims,
            people=people,
            preferences_of=self.wishes,
            compiled=welcome,
            settler=self.settler,
            round_size=2,
            monotonic_s=lambda: self.now_s,
        )
        self.left.begin(batch)

    def take(self) -> UUID | None:
        one = self.left.take()
        return one.claimed.delivery_id if one else None

    @property
    def settled(self) -> dict[UUID, Status]:
        self.settler.flush()
        return {one.claimed.delivery_id: one.status for one in self.settlements.written}


USERS = FakeUsers()
ADA = USERS.insert(a_user())
NO_MAIL = {ADA.id: Preferences(channels={Channel.EMAIL: False})}


def a_batch(size: int = 4) -> list[Claimed]:
    return [a_claim(PersonAddress(), user_id=ADA.id) for _ in range(size)]


def test_all_of_a_batch_is_taken_in_its_order() -> None:
    batch = a_batch(5)
    world = World(batch, USERS)
    assert [world.take() for _ in range(6)] == [*(one.delivery_id for one in batch), None]
    assert not world.left


def test_who_opts_out_while_the_batch_is_being_sent_gets_nothing_more() -> None:
    batch = a_batch()
    world = World(batch, USERS)
    assert world.take() == batch[0].delivery_id
    world.wishes.told = NO_MAIL
    world.now_s += LONGEST_KNOWN_S + 0.1
    assert world.take() is None
    assert world.settled == {one.delivery_id: Status.SKIPPED for one in batch[1:]}


def test_what_was_looked_at_a_moment_ago_is_not_looked_at_again() -> None:
    batch = a_batch(2)
    world = World(batch, USERS)
    world.take()
    world.wishes.told = NO_MAIL
    world.now_s += LONGEST_KNOWN_S / 2
    assert world.take() == batch[1].delivery_id


def test_what_is_cancelled_while_its_neighbours_are_sent_goes_back_to_be_cancelled() -> None:
    batch = a_batch()
    world = World(batch, USERS)
    assert [world.take(), world.take()] == [batch[0].delivery_id, batch[1].delivery_id]
    world.claims.cancelled = {batch[2].delivery_id}
    assert [world.take(), world.take()] == [batch[3].delivery_id, None]
    assert world.settled == {batch[2].delivery_id: Status.QUEUED}


def test_a_database_that_cannot_say_what_was_cancelled_stops_nothing() -> None:
    batch = a_batch()
    world = World(batch, USERS)
    world.claims.up = False
    assert [world.take() for _ in batch] == [one.delivery_id for one in batch]


def test_what_is_not_taken_goes_back_to_its_queue() -> None:
    batch = a_batch()
    world = World(batch, USERS)
    world.take()
    world.left.give_up()
    assert not world.left
    assert world.settled == {one.delivery_id: Status.QUEUED for one in batch[1:]}
