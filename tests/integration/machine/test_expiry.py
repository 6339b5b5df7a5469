"""What is past its time ends as expired, also when no worker ever sees it."""

from datetime import timedelta

from chalicelib.domain.delivery import Settlement
from chalicelib.domain.notification import Status
from chalicelib.errors import ProviderUnavailable
from chalicelib.services.settle import decide
from tests.machine import Machine, now

SOON = timedelta(seconds=1)


def _expire(machine: Machine) -> None:
    with machine.database.session() as connection:
        connection.execute("UPDATE notifications.notifications SET expires_at = now() - interval '1 second'")


def test_a_scheduled_one_is_not_published_after_its_time(machine: Machine) -> None:
    new = machine.record(send_at=now() + SOON, expires_at=now() + timedelta(hours=1))
    _expire(machine)
    machine.let_pass(timedelta(minutes=1))
    assert machine.relay() == []
    assert machine.events(new) == ["scheduled", "expired"]
    assert (machine.delivery(new).status, machine.delivery(new).reason) == (Status.EXPIRED, "expired")


def test_one_that_waits_for_its_retry_is_not_tried_after_its_time(machine: Machine) -> None:
    new = machine.record(expires_at=now() + timedelta(hours=1))
    (claimed,) = machine.claims.claim([machine.message(new)], lease_s=30)
    machine.settlements.settle([decide(claimed, ProviderUnavailable("later"), machine.delays)])
    _expire(machine)
    machine.let_pass(timedelta(minutes=1))
    assert machine.relay() == []
    assert machine.events(new)[-2:] == ["retrying", "expired"]
    assert machine.delivery(new).attempts == 1


def test_one_that_was_put_off_is_not_sent_after_its_time(machine: Machine) -> None:
    new = machine.record(expires_at=now() + timedelta(hours=1))
    (claimed,) = machine.claims.claim([machine.message(new)], lease_s=30)
    machine.settlements.settle([Settlement(claimed, Status.DEFERRED, 0, reason="quiet_hours", wake_after_s=30)])
    _expire(machine)
    machine.let_pass(timedelta(minutes=1))
    assert machine.relay() == []
    assert machine.delivery(new).status is Status.EXPIRED


def test_one_in_a_lane_that_stands_still_ends_and_its_message_is_void(machine: Machine) -> None:
    new = machine.record(expires_at=now() + timedelta(hours=1))
    machine.let_pass(timedelta(seconds=6))
    (message,) = machine.relay()
    machine.courier.ready["email"] = 1
    _expire(machine)
    machine.let_pass(timedelta(minutes=20))
    assert machine.relay() == []
    assert machine.events(new) == ["accepted", "queued", "expired"]
    machine.deliver(message)
    assert machine.provider.sent == []
    assert machine.delivery(new).status is Status.EXPIRED


def test_one_whose_worker_died_ends_and_says_that_its_lease_did(machine: Machine) -> None:
    new = machine.record(expires_at=now() + timedelta(hours=1))
    machine.claims.claim([machine.message(new)], lease_s=30)
    _expire(machine)
    machine.let_pass(timedelta(seconds=31))
    assert machine.relay() == []
    assert machine.events(new)[-2:] == ["lease_ended", "expired"]


def test_others_beside_it_are_published(machine: Machine) -> None:
    gone, good = machine.record(expires_at=now() + timedelta(hours=1)), machine.record()
    _expire(machine)
    with machine.database.session() as connection:
        connection.execute(
            "UPDATE notifications.notifications SET expires_at = NULL WHERE id = %s", [good.notification_id]
        )
    machine.let_pass(timedelta(seconds=6))
    assert [message.delivery_id for message in machine.relay()] == [good.deliveries[0].delivery_id]
    assert machine.delivery(gone).status is Status.EXPIRED


def test_many_that_expired_do_not_hide_what_is_due_behind_them(machine: Machine) -> None:
    for _ in range(5):
        machine.record(expires_at=now() + timedelta(hours=1))
    _expire(machine)
    good = machine.record()
    machine.let_pass(timedelta(seconds=6))
    (due,) = machine.outbox.take_due(limit=2)
    assert due.delivery_id == good.deliveries[0].delivery_id
    assert machine.outbox.take_due(limit=2) == []


def test_nothing_is_put_off_beyond_the_time_at_which_it_would_be_in_vain(machine: Machine) -> None:
    new = machine.record(expires_at=now() + timedelta(minutes=5))
    (claimed,) = machine.claims.claim([machine.message(new)], lease_s=30)
    night = Settlement(claimed, Status.DEFERRED, 0, reason="quiet_hours", wake_after_s=8 * 3600)
    machine.settlements.settle([night])
    machine.let_pass(timedelta(minutes=6))
    _expire(machine)
    assert machine.relay() == []
    assert machine.delivery(new).status is Status.EXPIRED
