"""What goes wrong around the machine while deliveries are in hand, and what it must not cost them."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.domain.delivery import NewNotification
from chalicelib.domain.messages import DeliveryMessage, decode_message
from chalicelib.domain.notification import NotificationStatus, Status
from chalicelib.domain.recipient import EmailTarget, PersonAddress
from chalicelib.errors import BrokerUnavailable, DatabaseUnavailable, ProviderUnavailable
from chalicelib.services.ports import CompiledContents
from chalicelib.services.settle import decide
from chalicelib.stores.people import PeopleStore
from tests.machine import Machine, RememberingProvider

FAR = datetime(9999, 12, 31, tzinfo=UTC)
TO_TWELVE = [EmailTarget(f"person-{number}@example.org") for number in range(12)]
UNSTORABLE = "half a pair \ud800 and a \x00"


class KilledError(BaseException):
    """The function's process ends here."""


class DeadlyProvider(RememberingProvider):
    """Kills the function that sends one certain delivery."""

    poison: UUID | None = None

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        if outgoing.delivery_id == self.poison:
            raise KilledError
        return super().send(outgoing, deadline=deadline)


class AwayPeople(PeopleStore):
    """Whose database is away."""

    def find_addresses(self, user_ids: Collection[UUID]) -> Mapping[UUID, EmailTarget]:
        raise DatabaseUnavailable("away")


def carry(machine: Machine, batch: list[DeliveryMessage], new: NewNotification, *, rounds: int = 30) -> None:
    """Deliver what is in the queue, and what comes back to it, until the notification has ended."""
    for _ in range(rounds):
        before = len(machine.courier.taken)
        try:
            machine.deliver(*batch)
        except KilledError:
            machine.let_pass(timedelta(minutes=5))  # all leases end
        machine.relay()
        returned = [one for one in machine.courier.taken[before:] if one.destination == "email"]
        batch = [decode_message(one.body) for one in returned]
        if all(delivery.wake_at is None for delivery in machine.trace(new).deliveries):
            return
    raise AssertionError([delivery.status for delivery in machine.trace(new).deliveries])


def test_what_kills_the_function_that_sends_it_does_not_take_its_neighbours_along(machine: Machine) -> None:
    machine.provider = provider = DeadlyProvider()
    new = machine.record(targets=TO_TWELVE)
    provider.poison = sorted(delivery.delivery_id for delivery in new.deliveries)[0]
    carry(machine, machine.messages(new), new)
    told = {delivery.delivery_id: (delivery.status, delivery.reason) for delivery in machine.trace(new).deliveries}
    assert told.pop(provider.poison) == (Status.FAILED, "crashed")
    assert set(told.values()) == {(Status.SENT, None)}


def test_what_kills_the_function_that_renders_it_does_not_take_its_neighbours_along(machine: Machine) -> None:
    harmless, calls = machine.compiled, 0

    def deadly_at_the_first(code: str, number: int, /) -> CompiledContents:
        nonlocal calls
        calls += 1
        if calls in (1, 13, 25):
            raise KilledError
        return harmless(code, number)

    machine.compiled = deadly_at_the_first
    new = machine.record(targets=TO_TWELVE)
    carry(machine, machine.messages(new), new)
    assert machine.trace(new).status is NotificationStatus.SENT


def test_a_garbage_message_and_a_broken_broker_cost_the_batch_nothing(machine: Machine) -> None:
    new = machine.record(targets=TO_TWELVE)
    machine.courier.up = False
    with pytest.raises(BrokerUnavailable):
        machine.deliver(b"\xff", *machine.messages(new))
    assert machine.trace(new).status is NotificationStatus.SENT


def test_the_same_garbage_handed_over_again_bears_the_same_name(machine: Machine) -> None:
    machine.deliver(b"\xff")
    machine.deliver(b"\xff")
    assert len({dispatch.message_id for dispatch in machine.courier.taken}) == 1


def test_while_the_peoples_database_is_away_nothing_is_counted_and_nothing_lost(machine: Machine) -> None:
    machine.people = AwayPeople(database=machine.database)
    new = machine.record(targets=[PersonAddress(), EmailTarget("ada@example.org")], user_id=uuid4())
    batch = machine.messages(new)
    for _ in range(6):
        machine.deliver(*batch)
        machine.let_pass(timedelta(minutes=20))
        batch = machine.relay()
    deliveries = machine.trace(new).deliveries
    assert {(one.status, one.attempts, one.crashes) for one in deliveries} == {(Status.QUEUED, 0, 0)}
    machine.people = PeopleStore(database=machine.database)
    machine.deliver(*batch)
    assert {delivery.status for delivery in machine.trace(new).deliveries} == {Status.SKIPPED, Status.SENT}


def test_what_was_put_back_and_not_published_is_found_soon_however_full_its_lane(machine: Machine) -> None:
    new = machine.record()
    machine.courier.up = False
    machine.deliver(machine.message(new), remaining_s=4)
    machine.courier.up, machine.courier.ready["email"] = True, 1000
    machine.let_pass(timedelta(seconds=6))
    assert [message.delivery_id for message in machine.relay()] == [new.deliveries[0].delivery_id]


def test_a_message_from_the_far_future_does_not_make_a_backlog_look_lost(machine: Machine) -> None:
    backlog, other = machine.record(), machine.record()
    machine.let_pass(timedelta(seconds=6))
    machine.relay()
    machine.claims.claim([machine.message(other).model_copy(update={"published_at": FAR})], lease_s=300)
    with machine.database.session() as connection:
        (newest,) = connection.execute("SELECT claimed_published <= now() FROM notifications.lanes").fetchone() or ()
    assert newest is True
    assert machine.delivery(backlog).status is Status.QUEUED


def test_a_ticket_from_the_future_is_void(machine: Machine) -> None:
    new = machine.record()
    machine.deliver(machine.message(new, ticket=(1 << 63) - 1))
    assert machine.delivery(new).status is Status.ACCEPTED
    assert machine.courier.taken == []


def test_many_copies_in_one_large_batch_are_sent_once_each(machine: Machine) -> None:
    new = machine.record(targets=[EmailTarget(f"person-{number}@example.org") for number in range(200)])
    messages = machine.messages(new)
    machine.deliver(*messages, *messages, *messages[:100])
    assert len(machine.provider.sent) == 200
    assert machine.trace(new).status is NotificationStatus.SENT


def test_what_a_provider_says_is_kept_as_far_as_a_row_can_hold_it(machine: Machine) -> None:
    new = machine.record()
    machine.provider.errors = [ProviderUnavailable(UNSTORABLE, provider_code=UNSTORABLE)]
    machine.deliver(machine.message(new))
    assert machine.delivery(new).status is Status.RETRYING
    assert machine.delivery(new).events[-1].detail == "half a pair \ufffd and a \ufffd"


def test_a_provider_that_never_wants_to_be_asked_again_is_asked_after_a_day(machine: Machine) -> None:
    new = machine.record()
    machine.provider.errors = [ProviderUnavailable("later", retry_after_s=float("inf"))]
    machine.deliver(machine.message(new))
    machine.let_pass(timedelta(days=1))
    assert len(machine.relay()) == 1


def test_a_lost_answer_to_a_settle_that_is_still_under_way_is_settled_once(machine: Machine) -> None:
    new = machine.record()
    (claimed,) = machine.claims.claim([machine.message(new)], lease_s=30)
    outcome = decide(claimed, Receipt("mail", "id-1"), machine.delays)
    assert (
        machine.settlements.settle([outcome]).keys()
        == machine.settlements.settle([outcome]).keys()
        == {claimed.delivery_id}
    )
    assert machine.events(new) == ["accepted", "queued", "sending", "sent"]
