"""A lane that holds enough: nothing is added to it, and what ends meanwhile ends all the same."""

from datetime import timedelta

import pytest

from chalicelib.domain.delivery import NewNotification
from chalicelib.domain.notification import Status
from chalicelib.domain.recipient import EmailTarget
from chalicelib.services.lane_room import HIGH_WATER
from tests.machine import Machine


@pytest.fixture
def full(machine: Machine) -> Machine:
    machine.courier.ready["email"] = HIGH_WATER
    return machine


def into_bulk(machine: Machine, new: NewNotification) -> None:
    with machine.database.session() as connection:
        connection.execute(
            "UPDATE notifications.deliveries SET lane = 'email.bulk' WHERE notification_id = %s", [new.notification_id]
        )


def expire(machine: Machine, new: NewNotification) -> None:
    with machine.database.session() as connection:
        connection.execute(
            "UPDATE notifications.notifications SET expires_at = now() WHERE id = %s", [new.notification_id]
        )


def test_what_is_due_waits_until_there_is_room_and_is_not_changed(full: Machine) -> None:
    new = full.record()
    full.let_pass(timedelta(seconds=6))
    for _ in range(3):
        assert full.relay() == []
        full.let_pass(timedelta(seconds=11))
    assert full.events(new) == ["accepted"]
    full.courier.ready["email"] -= 1
    assert len(full.relay()) == 1


def test_another_lane_goes_on_behind_however_many_of_the_full_one(full: Machine) -> None:
    full.record(targets=[EmailTarget(f"person-{number}@example.org") for number in range(1_200)])
    full.let_pass(timedelta(seconds=1))
    bulk = full.record()
    into_bulk(full, bulk)
    full.let_pass(timedelta(seconds=6))
    assert [message.notification_id for message in full.relay(remaining_s=10)] == [bulk.notification_id]


def test_an_ended_lease_is_counted_and_its_claim_void(full: Machine) -> None:
    new = full.record()
    full.claims.claim([full.message(new)], lease_s=30)
    full.let_pass(timedelta(seconds=31))
    assert full.relay() == []
    assert full.events(new)[-2:] == ["lease_ended", "queued"]
    assert (full.delivery(new).status, full.delivery(new).attempts) == (Status.QUEUED, 0)
    full.courier.ready["email"] = 0
    full.let_pass(timedelta(seconds=11))
    (message,) = full.relay()
    full.deliver(message)
    assert full.delivery(new).status is Status.SENT


def test_the_lease_of_one_far_behind_in_a_full_lane_ends_too(full: Machine) -> None:
    full.record(targets=[EmailTarget(f"person-{number}@example.org") for number in range(1_200)])
    full.let_pass(timedelta(seconds=40))
    new = full.record()
    full.claims.claim([full.message(new)], lease_s=30)
    full.let_pass(timedelta(seconds=31))
    assert full.relay(remaining_s=10) == []
    assert full.delivery(new).status is Status.QUEUED


@pytest.mark.parametrize("far_behind", [0, 1_200])
def test_what_expires_ends(full: Machine, far_behind: int) -> None:
    if far_behind:
        full.record(targets=[EmailTarget(f"person-{number}@example.org") for number in range(far_behind)])
        full.let_pass(timedelta(seconds=40))
    new = full.record()
    expire(full, new)
    full.let_pass(timedelta(seconds=6))
    assert full.relay(remaining_s=10) == []
    assert full.events(new) == ["accepted", "expired"]


def test_what_was_cancelled_in_the_hands_of_a_worker_that_died_ends(full: Machine) -> None:
    new = full.record()
    full.claims.claim([full.message(new)], lease_s=30)
    full.cancel(new)
    full.let_pass(timedelta(seconds=31))
    assert full.relay() == []
    assert full.delivery(new).status is Status.CANCELLED


def test_what_is_lost_waits_for_room_without_being_put_off(full: Machine) -> None:
    new = full.record()
    full.let_pass(timedelta(seconds=6))
    full.courier.ready["email"] = 0
    full.relay()
    full.claims.claim([full.message(full.record())], lease_s=300)  # one that was published later: the other is lost
    full.courier.ready["email"] = HIGH_WATER
    full.let_pass(timedelta(minutes=2))
    assert full.relay() == []
    assert full.relay() == []
    full.courier.ready["email"] = HIGH_WATER - 1
    assert [message.notification_id for message in full.relay()] == [new.notification_id]


def test_a_queued_one_that_expires_in_a_full_lane_ends(full: Machine) -> None:
    new = full.record()
    full.courier.ready["email"] = 0
    full.let_pass(timedelta(seconds=6))
    full.relay()
    full.courier.ready["email"] = HIGH_WATER
    expire(full, new)
    full.let_pass(timedelta(minutes=2))
    assert full.relay() == []
    assert full.delivery(new).status is Status.EXPIRED


def test_what_is_lost_goes_before_what_is_due(full: Machine) -> None:
    lost = full.record()
    full.let_pass(timedelta(seconds=6))
    full.courier.ready["email"] = 0
    full.relay()
    full.claims.claim([full.message(full.record())], lease_s=300)
    full.record()
    full.let_pass(timedelta(minutes=2))
    full.courier.ready["email"] = HIGH_WATER - 1
    assert [message.notification_id for message in full.relay()] == [lost.notification_id]
