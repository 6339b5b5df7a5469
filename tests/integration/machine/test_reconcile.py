"""Whatever is lost on the way, every open row is brought back: the table of docs/reconcile.md, line by line."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from chalicelib.domain.delivery import NewNotification, Settlement
from chalicelib.domain.messages import DeliveryMessage
from chalicelib.domain.notification import Status
from chalicelib.errors import AddressRejected, ProvidersLeftAlone, ProviderUnavailable
from chalicelib.services.lane_room import HIGH_WATER
from chalicelib.services.settle import decide, put_back
from chalicelib.stores.outbox import LONGEST_WATCH_S, TAKEN_S
from tests.machine import Machine, now

LEASE_S = 30


def accepted(machine: Machine) -> NewNotification:
    return machine.record()


def scheduled(machine: Machine) -> NewNotification:
    return machine.record(send_at=now() + timedelta(hours=1))


def queued(machine: Machine) -> NewNotification:
    new = machine.record()
    machine.let_pass(timedelta(seconds=6))
    assert len(machine.relay()) == 1
    return new


def taken_and_not_published(machine: Machine) -> NewNotification:
    new = machine.record()
    machine.let_pass(timedelta(seconds=6))
    assert len(machine.outbox.take_due(limit=9)) == 1
    return new


def lost_taken_and_not_published(machine: Machine) -> NewNotification:
    new = queued(machine)
    machine.let_pass(timedelta(minutes=2))
    machine.courier.confirms = False
    assert machine.relay() == []
    machine.courier.confirms = True
    return new


def settled(machine: Machine, outcome: Callable[[Machine, NewNotification], Settlement]) -> NewNotification:
    new = machine.record()
    machine.settlements.settle([outcome(machine, new)])
    return new


def put_back_and_not_published(machine: Machine) -> NewNotification:
    return settled(machine, lambda machine, new: put_back(machine.claims.claim([machine.message(new)], lease_s=30)[0]))


def lease_ended_while_the_broker_was_away(machine: Machine) -> NewNotification:
    new = sending(machine)
    machine.let_pass(timedelta(seconds=LEASE_S + 1))
    machine.courier.up = False
    assert machine.relay() == []
    machine.courier.up = True
    assert machine.delivery(new).status is Status.QUEUED
    return new


def lease_ended_in_a_full_lane(machine: Machine) -> NewNotification:
    new = sending(machine)
    machine.let_pass(timedelta(seconds=LEASE_S + 1))
    machine.courier.ready["email"] = HIGH_WATER
    assert machine.relay() == []
    assert machine.delivery(new).status is Status.QUEUED
    machine.courier.ready["email"] = HIGH_WATER - 1
    return new


def sending(machine: Machine) -> NewNotification:
    new = machine.record()
    assert machine.claims.claim([machine.message(new)], lease_s=LEASE_S)
    return new


def retrying(machine: Machine) -> NewNotification:
    def failed(machine: Machine, new: NewNotification) -> Settlement:
        (claimed,) = machine.claims.claim([machine.message(new)], lease_s=LEASE_S)
        return decide(claimed, ProviderUnavailable("later"), machine.delays)

    return settled(machine, failed)


def deferred(machine: Machine) -> NewNotification:
    def left_alone(machine: Machine, new: NewNotification) -> Settlement:
        (claimed,) = machine.claims.claim([machine.message(new)], lease_s=LEASE_S)
        return decide(claimed, ProvidersLeftAlone("all open"), machine.delays)

    return settled(machine, left_alone)


def nothing(_machine: Machine) -> None: ...


def the_table_of_lanes(machine: Machine) -> None:
    with machine.database.session() as connection:
        connection.execute("TRUNCATE notifications.lanes")


def the_queue_which_is_full_of_others_again(machine: Machine) -> None:
    """Its message is gone, but the lane is never empty: one that was published later has been claimed."""
    machine.courier.ready["email"] = 1_000
    machine.claims.claim([machine.message(machine.record())], lease_s=3_600)


def the_queue_and_the_table_of_lanes(machine: Machine) -> None:
    the_queue_which_is_full_of_others_again(machine)
    the_table_of_lanes(machine)
    machine.claims.claim([machine.message(machine.record())], lease_s=3_600)


def its_place_in_a_busy_lane(machine: Machine) -> None:
    machine.courier.ready["email"] = 1_000


@dataclass(frozen=True)
class Line:
    """In this state, with that lost, relay brings it back when this much time has passed, and not before."""

    state: Callable[[Machine], NewNotification]
    lost: Callable[[Machine], None]
    after_s: float

    def __str__(self) -> str:
        return f"{self.state.__name__}, lost: {self.lost.__name__}"


LINES = [
    Line(accepted, nothing, 5),
    Line(accepted, its_place_in_a_busy_lane, 5),
    Line(scheduled, nothing, 3_600),
    Line(queued, nothing, 60),
    Line(queued, the_table_of_lanes, 60),
    Line(queued, the_queue_which_is_full_of_others_again, 60),
    Line(queued, the_queue_and_the_table_of_lanes, 60),
    Line(taken_and_not_published, nothing, TAKEN_S),
    Line(lost_taken_and_not_published, nothing, TAKEN_S),
    Line(put_back_and_not_published, nothing, 5),
    Line(put_back_and_not_published, its_place_in_a_busy_lane, 5),
    Line(lease_ended_while_the_broker_was_away, nothing, TAKEN_S),
    Line(lease_ended_while_the_broker_was_away, its_place_in_a_busy_lane, TAKEN_S),
    Line(lease_ended_in_a_full_lane, nothing, TAKEN_S),
    Line(sending, nothing, LEASE_S),
    Line(sending, its_place_in_a_busy_lane, LEASE_S),
    Line(retrying, nothing, 5 + 5),
    Line(retrying, its_place_in_a_busy_lane, 5 + 5),
    Line(deferred, nothing, 5),
    Line(deferred, its_place_in_a_busy_lane, 5),
]
LATEST_FACTOR = 1.5
"""A deferral is spread over half its length."""


@pytest.mark.parametrize("line", LINES, ids=str)
def test_it_is_brought_back_in_time_and_sent(machine: Machine, line: Line) -> None:
    new = line.state(machine)
    line.lost(machine)
    machine.let_pass(timedelta(seconds=line.after_s - 1.5))
    assert of(new, machine) == []
    machine.let_pass(timedelta(seconds=line.after_s * (LATEST_FACTOR - 1) + 3))
    (message,) = of(new, machine)
    machine.deliver(message)
    assert machine.delivery(new).status is Status.SENT


def of(new: NewNotification, machine: Machine) -> list[DeliveryMessage]:
    return [message for message in machine.relay() if message.notification_id == new.notification_id]


def test_a_message_that_waits_in_its_lane_is_not_copied_and_is_looked_at_ever_more_seldom(machine: Machine) -> None:
    queued(machine)
    its_place_in_a_busy_lane(machine)
    for minutes in (1.1, 2.2, 4.4, 8.8, 15, 15):
        machine.let_pass(timedelta(minutes=minutes))
        assert machine.relay() == []
    assert waits_s(machine) <= LONGEST_WATCH_S


def test_a_message_that_is_lost_again_and_again_is_published_ever_more_seldom(machine: Machine) -> None:
    """An empty lane may mean that a function holds a batch for long: copies are void, but not for nothing."""
    queued(machine)
    waits = []
    for minutes in (1.1, 2.3, 4.8):
        machine.let_pass(timedelta(minutes=minutes))
        assert len(machine.relay()) == 1
        waits.append(waits_s(machine))
    assert waits[0] < waits[1] < waits[2]


def waits_s(machine: Machine) -> float:
    with machine.database.session() as connection:
        row = connection.execute("SELECT extract(epoch FROM wake_at - now()) FROM notifications.deliveries").fetchone()
    assert row is not None
    return float(row[0])


def test_what_has_failed_needs_no_message_in_the_failed_queue(machine: Machine) -> None:
    def refused(machine: Machine, new: NewNotification) -> Settlement:
        (claimed,) = machine.claims.claim([machine.message(new)], lease_s=LEASE_S)
        return decide(claimed, AddressRejected("never"), machine.delays)

    new = settled(machine, refused)
    with machine.database.session() as connection:
        records = connection.execute("SELECT delivery_id FROM notifications.failed").fetchall()
    assert records == [(new.deliveries[0].delivery_id,)]
    assert machine.delivery(new).status is Status.FAILED


def test_it_is_looked_at_even_if_another_lane_cannot_say_what_it_holds(machine: Machine) -> None:
    new, other = queued(machine), queued(machine)
    with machine.database.session() as connection:
        connection.execute(
            "UPDATE notifications.deliveries SET lane = 'email.bulk' WHERE notification_id = %s",
            [other.notification_id],
        )
    machine.courier.mute.add("email.bulk")
    machine.let_pass(timedelta(minutes=2))
    assert [message.notification_id for message in machine.relay()] == [new.notification_id]
    machine.courier.mute.clear()
    assert [message.notification_id for message in machine.relay()] == [other.notification_id]
