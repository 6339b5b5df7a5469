"""The delivery state machine over the real PostgreSQL."""

from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from chalicelib.domain.delivery import RememberedRequest
from chalicelib.domain.messages import FAILED
from chalicelib.domain.notification import NotificationStatus, Status
from chalicelib.domain.recipient import EmailTarget
from chalicelib.errors import AddressRejected, OutcomeUnknown, ProviderUnavailable, RequestInProgress
from chalicelib.services.settle import decide
from tests.machine import Machine, now

TO_MANY = [EmailTarget(f"person-{number}@example.org") for number in range(40)]


def test_a_recorded_delivery_is_sent_and_tells_its_whole_life(machine: Machine) -> None:
    new = machine.record()
    machine.deliver(machine.message(new))
    delivery = machine.delivery(new)
    assert delivery.status is Status.SENT
    assert delivery.attempts == 1
    assert delivery.provider_message_id == "accepted-1"
    assert machine.events(new) == ["accepted", "queued", "sending", "sent"]
    assert {event.correlation_id for event in delivery.events} == {"correlation-1"}
    assert machine.trace(new).status is NotificationStatus.SENT


def test_a_second_copy_of_a_message_is_void(machine: Machine) -> None:
    new = machine.record()
    machine.deliver(machine.message(new), machine.message(new))
    machine.deliver(machine.message(new))
    assert len(machine.provider.sent) == 1


def test_a_batch_is_settled_in_groups_and_every_one_is_sent_once(machine: Machine) -> None:
    new = machine.record(targets=TO_MANY)
    machine.deliver(*machine.messages(new))
    assert {delivery.status for delivery in machine.trace(new).deliveries} == {Status.SENT}
    assert len({outgoing.delivery_id for outgoing in machine.provider.sent}) == len(TO_MANY)


def test_a_failed_attempt_is_retried_through_the_wait_queue_with_growing_delays(machine: Machine) -> None:
    new = machine.record()
    machine.provider.errors = [ProviderUnavailable("later"), ProviderUnavailable("later")]
    machine.deliver(machine.message(new))
    assert machine.delivery(new).status is Status.RETRYING
    machine.deliver(machine.message(new, ticket=2))
    machine.deliver(machine.message(new, ticket=3))
    assert [dispatch.delay_s for dispatch in machine.courier.taken] == [5, 25]
    assert machine.delivery(new).status is Status.SENT
    assert machine.delivery(new).attempts == 3


def test_after_three_retries_it_fails_and_is_recorded(machine: Machine) -> None:
    new = machine.record()
    machine.provider.errors = [ProviderUnavailable("later")] * 4
    for ticket in (1, 2, 3, 4):
        machine.deliver(machine.message(new, ticket=ticket))
    delivery = machine.delivery(new)
    assert (delivery.status, delivery.reason, delivery.attempts) == (Status.FAILED, "retries_exhausted", 4)
    assert machine.courier.taken[-1].destination == FAILED
    with machine.database.session() as connection:
        records = connection.execute("SELECT delivery_id, reason FROM notifications.failed").fetchall()
    assert records == [(delivery.delivery_id, "retries_exhausted")]


def test_a_permanent_failure_is_not_retried(machine: Machine) -> None:
    new = machine.record()
    machine.provider.errors = [AddressRejected("no such mailbox", provider="mail", provider_code="550")]
    machine.deliver(machine.message(new))
    assert (machine.delivery(new).status, machine.delivery(new).reason) == (Status.FAILED, "address_rejected")


def test_a_lost_answer_is_retried(machine: Machine) -> None:
    new = machine.record()
    machine.provider.errors = [OutcomeUnknown("connection lost after the final dot")]
    machine.deliver(machine.message(new))
    assert machine.delivery(new).status is Status.RETRYING


def test_an_expired_delivery_is_not_sent(machine: Machine) -> None:
    new = machine.record(expires_at=now() - timedelta(seconds=1))
    machine.deliver(machine.message(new))
    assert machine.delivery(new).status is Status.EXPIRED
    assert machine.provider.sent == []
    assert machine.delivery(new).attempts == 0


def test_a_message_of_nobody_and_one_of_random_bytes_are_moved_with_their_bytes(machine: Machine) -> None:
    new = machine.record()
    unknown = machine.message(new).model_copy(update={"delivery_id": uuid4()})
    machine.deliver(b"\x00\xff random", unknown, machine.message(new))
    moved = {dispatch.body: dispatch.headers["x-carillon-reason"] for dispatch in machine.courier.taken}
    assert moved == {b"\x00\xff random": "malformed_message", unknown.encode(): "unknown_delivery"}
    assert machine.delivery(new).status is Status.SENT


def test_relay_publishes_what_was_committed_and_not_published(machine: Machine) -> None:
    new = machine.record()
    assert machine.relay() == []
    machine.let_pass(timedelta(seconds=6))
    (message,) = machine.relay()
    assert message.delivery_id == new.deliveries[0].delivery_id
    assert machine.delivery(new).status is Status.QUEUED
    machine.deliver(message)
    assert machine.delivery(new).status is Status.SENT


def test_relay_keeps_what_the_broker_did_not_take(machine: Machine) -> None:
    new = machine.record()
    machine.let_pass(timedelta(seconds=6))
    machine.courier.up = False
    assert machine.relay() == []
    assert machine.delivery(new).status is Status.ACCEPTED
    machine.courier.up = True
    machine.let_pass(timedelta(seconds=31))
    assert len(machine.relay()) == 1


def test_a_scheduled_delivery_waits_for_its_time(machine: Machine) -> None:
    new = machine.record(send_at=now() + timedelta(hours=1))
    assert machine.relay() == []
    assert machine.trace(new).status is NotificationStatus.SCHEDULED
    machine.let_pass(timedelta(hours=1, seconds=1))
    (message,) = machine.relay()
    machine.deliver(message)
    assert machine.events(new) == ["scheduled", "queued", "sending", "sent"]


def test_an_ended_lease_voids_the_claim_and_its_late_outcome_changes_nothing(machine: Machine) -> None:
    new = machine.record()
    (claimed,) = machine.claims.claim([machine.message(new)], lease_s=30)
    machine.let_pass(timedelta(seconds=31))
    (message,) = machine.relay()
    assert message.ticket == claimed.ticket + 1
    late = decide(claimed, AddressRejected("too late"), machine.delays)
    assert machine.settlements.settle([late]) == {}
    assert machine.delivery(new).status is Status.QUEUED
    machine.deliver(message)
    assert machine.delivery(new).status is Status.SENT
    assert machine.delivery(new).crashes == 1
    expected = "accepted queued sending lease_ended queued republished outcome_late sending sent"
    assert machine.events(new) == expected.split()


def test_settling_again_after_a_lost_answer_is_harmless(machine: Machine) -> None:
    new = machine.record()
    (claimed,) = machine.claims.claim([machine.message(new)], lease_s=30)
    settlement = decide(claimed, ProviderUnavailable("later"), machine.delays)
    assert machine.settlements.settle([settlement]) == machine.settlements.settle([settlement])
    assert machine.events(new).count("retrying") == 1
    assert "outcome_late" not in machine.events(new)


def test_what_crashed_three_times_fails(machine: Machine) -> None:
    new = machine.record()
    ticket = 1
    for _ in range(3):
        machine.claims.claim([machine.message(new, ticket=ticket)], lease_s=30)
        machine.let_pass(timedelta(minutes=5))
        (message,) = machine.relay()
        ticket = message.ticket
    machine.deliver(machine.message(new, ticket=ticket))
    assert (machine.delivery(new).status, machine.delivery(new).reason) == (Status.FAILED, "crashed")
    assert machine.provider.sent == []


def test_when_time_is_short_the_rest_returns_to_the_queue_uncounted(machine: Machine) -> None:
    new = machine.record(targets=TO_MANY[:3])
    machine.deliver(*machine.messages(new), remaining_s=4)
    assert {(delivery.status, delivery.attempts) for delivery in machine.trace(new).deliveries} == {(Status.QUEUED, 0)}
    assert len(machine.courier.taken) == 3


def test_a_message_that_a_wiped_broker_lost_is_published_again_but_a_backlog_is_not_copied(machine: Machine) -> None:
    new = machine.record()
    machine.let_pass(timedelta(seconds=6))
    machine.relay()
    machine.courier.ready["email"] = 1
    machine.let_pass(timedelta(minutes=2))
    assert machine.relay() == []
    machine.courier.ready["email"] = 0
    machine.let_pass(timedelta(minutes=10))
    (message,) = machine.relay()
    machine.deliver(message)
    assert machine.delivery(new).status is Status.SENT


def test_an_idempotency_key_is_taken_once(machine: Machine) -> None:
    first = machine.record(remember=RememberedRequest("key", b"hash", {"answer": 1}))
    with pytest.raises(RequestInProgress):
        machine.record(remember=RememberedRequest("key", b"other", {"answer": 2}))
    remembered = machine.notifications.find_remembered("client", "key")
    assert remembered == RememberedRequest("key", b"hash", {"answer": 1})
    with machine.database.session() as connection:
        assert connection.execute("SELECT id FROM notifications.notifications").fetchall() == [(first.notification_id,)]


def test_an_open_row_cannot_be_written_without_a_time_to_wake(machine: Machine) -> None:
    machine.record()
    with pytest.raises(psycopg.errors.CheckViolation), machine.database.session() as connection:
        connection.execute("UPDATE notifications.deliveries SET wake_at = NULL")
