"""While no provider may be called nothing is claimed: deliveries wait, ever longer, and one event tells how often."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from chalicelib.domain.circuit import Prospect
from chalicelib.domain.messages import DeliveryMessage
from chalicelib.domain.notification import Status
from chalicelib.domain.recipient import EmailTarget
from chalicelib.domain.trace import TracedDelivery
from chalicelib.errors import (
    CircuitOpen,
    DatabaseUnavailable,
    DeliveryError,
    ProvidersLeftAlone,
    ProviderThrottled,
    ProviderUnavailable,
)
from chalicelib.services.ports import CompiledContents
from chalicelib.services.settle import decide
from chalicelib.stores.claims import ClaimStore
from chalicelib.stores.pace import ProcessPace
from chalicelib.stores.postgres import Database
from tests.integration.machine.test_concurrency import WORKERS, at_once
from tests.machine import Machine, now

TO_MANY = [EmailTarget(f"person-{number}@example.org") for number in range(20)]
OPEN_FOR_S = 30.0


@dataclass
class Switch:
    """A circuit that a test opens, closes, and lets a probe through."""

    is_open: bool = True
    probing: bool = False
    entered: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def probe(self) -> bool:
        return self.probing

    def enter(self) -> "Switch":
        if self.is_open:
            raise CircuitOpen("email:remembering", retry_after_s=OPEN_FOR_S)
        self.entered += 1
        return self

    def foresee(self) -> Prospect:
        return Prospect(OPEN_FOR_S if self.is_open else 0.0, as_probe=self.probing)

    def succeeded(self) -> None:
        self.probing = False

    def failed(self) -> float:
        self.is_open = self.is_open or self.probing
        return OPEN_FOR_S


@pytest.fixture
def circuit(machine: Machine) -> Switch:
    machine.breaker = circuit = Switch()
    return circuit


def told(delivery: TracedDelivery) -> list[tuple[str, str | None, int]]:
    return [(str(event.event), event.reason, event.count) for event in delivery.events]


def come_back(machine: Machine) -> list[DeliveryMessage]:
    machine.let_pass(timedelta(minutes=25))
    return machine.relay()


def wait_s(delivery: TracedDelivery) -> float:
    assert delivery.wake_at is not None
    return (delivery.wake_at - delivery.updated_at).total_seconds()


def test_while_the_circuit_is_open_nothing_is_claimed_and_one_event_counts(machine: Machine, circuit: Switch) -> None:
    new = machine.record()
    messages, waits_s = [machine.message(new)], []
    for _ in range(9):
        machine.deliver(*messages)
        delivery = machine.delivery(new)
        assert (delivery.status, delivery.reason, delivery.attempts) == (Status.DEFERRED, "circuit_open", 0)
        waits_s.append(wait_s(delivery))
        messages = come_back(machine)
    assert told(delivery) == [("accepted", None, 1), ("queued", None, 1), ("deferred", "circuit_open", 9)]
    (counted,) = [event for event in delivery.events if event.event == "deferred"]
    assert counted.last_at is not None
    assert counted.last_at > counted.at
    assert [wait / waits_s[0] for wait in waits_s] == pytest.approx([1, 1, 1, 4 / 3, 8 / 3, 16 / 3, 32 / 3, 64 / 3, 30])
    assert OPEN_FOR_S <= waits_s[0] <= 1.5 * OPEN_FOR_S
    circuit.is_open = False
    machine.deliver(*messages)
    assert [event for event, _, _ in told(machine.delivery(new))[2:]] == ["deferred", "sending", "sent"]
    assert len(machine.provider.sent) == 1


def test_a_copy_of_a_message_defers_nothing_again_and_a_late_note_brings_nothing_back(
    machine: Machine, circuit: Switch
) -> None:
    new = machine.record()
    message = machine.message(new)
    machine.deliver(message)
    machine.deliver(message)  # the function died before the acknowledgement
    assert told(machine.delivery(new))[-1] == ("deferred", "circuit_open", 1)
    # relay published it, and notes so only now that a worker has let it wait again
    machine.let_pass(timedelta(minutes=1))
    (taken,) = machine.outbox.take_due(limit=10)
    machine.deliver(taken.message(published_at=now()))
    machine.outbox.mark_queued([taken], published_at=now())
    delivery = machine.delivery(new)
    assert (delivery.status, told(delivery)[-1]) == (Status.DEFERRED, ("deferred", "circuit_open", 2))
    assert len(come_back(machine)) == 1


def test_nothing_waits_beyond_the_time_at_which_it_would_be_in_vain(machine: Machine, circuit: Switch) -> None:
    expires_at = now() + timedelta(seconds=10)
    new = machine.record(expires_at=expires_at)
    machine.deliver(machine.message(new))
    assert machine.delivery(new).wake_at == expires_at
    machine.let_pass(timedelta(seconds=11))
    with machine.database.session() as connection:
        connection.execute("UPDATE notifications.notifications SET expires_at = now()")
    assert machine.relay() == []
    assert machine.delivery(new).status is Status.EXPIRED


def test_what_is_cancelled_while_it_waits_stays_cancelled(machine: Machine, circuit: Switch) -> None:
    new = machine.record()
    machine.deliver(machine.message(new))
    assert machine.cancel(new) == 1
    machine.deliver(machine.message(new, ticket=2))
    assert machine.delivery(new).status is Status.CANCELLED
    assert come_back(machine) == []


def test_what_nobody_can_read_and_what_nobody_knows_goes_to_the_failed_queue_all_the_same(
    machine: Machine, circuit: Switch
) -> None:
    new = machine.record()
    unknown = machine.message(new).model_copy(update={"delivery_id": UUID(int=7)})
    machine.deliver(b"\x00 random", unknown, machine.message(new))
    assert {dispatch.body for dispatch in machine.courier.taken} == {b"\x00 random", unknown.encode()}
    assert machine.delivery(new).status is Status.DEFERRED


def test_one_is_claimed_for_the_probe_and_the_others_follow_when_it_has_succeeded(
    machine: Machine, circuit: Switch
) -> None:
    new = machine.record(targets=TO_MANY)
    circuit.is_open, circuit.probing = False, True
    machine.provider.errors = [ProviderUnavailable("still away")]
    machine.deliver(*machine.messages(new))
    deliveries = machine.trace(new).deliveries
    assert {delivery.status for delivery in deliveries} == {Status.DEFERRED}
    assert {delivery.attempts for delivery in deliveries} == {0}
    assert sum("sending" in map(str, (event.event for event in one.events)) for one in deliveries) == 1
    circuit.is_open = False
    machine.deliver(*come_back(machine))
    assert {delivery.status for delivery in machine.trace(new).deliveries} == {Status.SENT}


def end_with(machine: Machine, *errors: DeliveryError) -> TracedDelivery:
    """One delivery whose provider calls end so, each when it is brought back."""
    new = machine.record()
    messages: Sequence[DeliveryMessage] = [machine.message(new)]
    for error in errors:
        machine.provider.errors = [error]
        machine.deliver(*messages)
        messages = come_back(machine)
    return machine.delivery(new)


def deferrals(delivery: TracedDelivery) -> list[tuple[str, str | None, int]]:
    return [one for one in told(delivery) if one[0] in ("deferred", "retrying")]


OPEN, SLOWER, AWAY = ProvidersLeftAlone("open"), ProviderThrottled("slower"), ProviderUnavailable("away")


class NeverHeld(ProcessPace):
    """So that a provider that said so is asked again."""

    def __init__(self) -> None:
        super().__init__(0.0, monotonic_s=lambda: 0.0)

    def hold(self, for_s: float) -> None: ...


def test_a_circuit_that_opens_after_the_claim_counts_in_the_same_event(machine: Machine) -> None:
    machine.pace = NeverHeld()
    assert deferrals(end_with(machine, OPEN, OPEN, OPEN)) == [("deferred", "circuit_open", 3)]


def test_another_reason_is_another_event_and_an_attempt_ends_the_row_of_them(machine: Machine) -> None:
    machine.pace = NeverHeld()
    delivery = end_with(machine, SLOWER, SLOWER, OPEN, AWAY, OPEN)
    assert deferrals(delivery) == [
        ("deferred", "throttled", 2),
        ("deferred", "circuit_open", 1),
        ("retrying", "provider_unavailable", 1),
        ("deferred", "circuit_open", 1),
    ]
    assert delivery.attempts == 1


def test_settling_a_deferral_again_after_a_lost_answer_counts_it_once(machine: Machine) -> None:
    new = machine.record()
    message = machine.message(new)
    for count in (1, 2):
        (claimed,) = machine.claims.claim([message], lease_s=30)
        assert claimed.deferrals == count - 1
        settlement = decide(claimed, OPEN, machine.delays)
        assert machine.settlements.settle([settlement]) == machine.settlements.settle([settlement])
        assert deferrals(machine.delivery(new)) == [("deferred", "circuit_open", count)]
        (message,) = come_back(machine)


def test_while_the_templates_are_away_deferrals_are_counted_and_never_long(machine: Machine) -> None:
    compiled = machine.compiled

    def away(_code: str, _number: int, /) -> CompiledContents:
        raise DatabaseUnavailable("away")

    machine.compiled = away
    new = machine.record()
    messages = [machine.message(new)]
    for _ in range(8):
        machine.deliver(*messages)
        assert wait_s(machine.delivery(new)) <= 90
        messages = come_back(machine)
    assert deferrals(machine.delivery(new)) == [("deferred", "database_unavailable", 8)]
    machine.compiled = compiled
    machine.deliver(*messages)
    assert machine.delivery(new).status is Status.SENT


def test_when_a_rate_is_used_up_the_rest_waits_unclaimed_instead_of_going_round_in_circles(machine: Machine) -> None:
    machine.pace = ProcessPace(3600.0, monotonic_s=lambda: 7.0)
    new = machine.record(targets=TO_MANY)
    machine.deliver(*machine.messages(new))
    deliveries = machine.trace(new).deliveries
    sent = [delivery for delivery in deliveries if delivery.status is Status.SENT]
    waiting = [delivery for delivery in deliveries if delivery.status is Status.DEFERRED]
    assert (len(sent), len(waiting)) == (1, len(TO_MANY) - 1)
    assert {(one.reason, one.attempts, len(one.events)) for one in waiting} == {("throttled", 0, 3)}
    assert machine.courier.taken == []


def test_what_a_rate_leaves_no_time_for_waits_unclaimed_too(machine: Machine) -> None:
    machine.pace = ProcessPace(1.0, monotonic_s=lambda: 7.0)
    new = machine.record(targets=TO_MANY)
    machine.deliver(*machine.messages(new), remaining_s=4)
    waiting = machine.trace(new).deliveries
    assert {(one.status, one.reason, len(one.events)) for one in waiting} == {(Status.DEFERRED, "throttled", 3)}


def at(moment: datetime | None) -> datetime:
    assert moment is not None
    return moment


def test_those_who_wait_come_back_spread_out(machine: Machine, circuit: Switch) -> None:
    new = machine.record(targets=TO_MANY)
    machine.deliver(*machine.messages(new))
    wake = [at(delivery.wake_at) for delivery in machine.trace(new).deliveries]
    assert max(wake) - min(wake) > timedelta(seconds=OPEN_FOR_S / 6)
    assert len(set(wake)) > len(TO_MANY) / 2


def test_workers_that_claim_and_workers_that_let_wait_never_have_the_same_delivery(
    machine: Machine, migrated_url: str
) -> None:
    new = machine.record(targets=TO_MANY * 5)
    messages = machine.messages(new)

    def work(database: Database, place: int) -> list[UUID]:
        claims = ClaimStore(database=database)
        mine = random.Random(place).sample(messages, len(messages))  # noqa: S311  an order, not a secret
        if place % 2:
            return [one.delivery_id for one in claims.claim(mine, lease_s=30)]
        return list(claims.defer(mine, reason="circuit_open", detail="open", at_least_s=0))

    had = [delivery_id for ids in at_once(migrated_url, WORKERS, work) for delivery_id in ids]
    assert sorted(had) == sorted(message.delivery_id for message in messages)
    for delivery in machine.trace(new).deliveries:
        assert [str(event.event) for event in delivery.events][:2] == ["accepted", "queued"]
        assert [(str(event.event), event.count) for event in delivery.events][2:] in (
            [("sending", 1)],
            [("deferred", 1)],
        )
