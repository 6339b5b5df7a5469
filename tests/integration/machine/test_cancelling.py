"""Cancelling over the real stores: what waits is stopped, what is being sent ends with the attempt under way."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.channels.base import Receipt
from chalicelib.domain.delivery import Claimed, Settlement
from chalicelib.domain.notification import NotificationStatus, Status
from chalicelib.domain.recipient import EmailTarget
from chalicelib.errors import AddressRejected, ProviderUnavailable
from chalicelib.services.settle import decide, put_back
from tests.machine import Machine, now

TO_THREE = [EmailTarget(f"person-{number}@example.org") for number in range(3)]


def test_a_cancelled_delivery_is_void_for_its_message_and_for_relay(machine: Machine) -> None:
    new = machine.record()
    assert machine.cancel(new) == 1
    machine.deliver(machine.message(new))
    machine.let_pass(timedelta(hours=1))
    assert machine.relay() == []
    assert machine.provider.sent == []
    assert machine.events(new) == ["accepted", "cancelled"]
    assert machine.trace(new).status is NotificationStatus.CANCELLED


def test_a_scheduled_one_is_stopped(machine: Machine) -> None:
    new = machine.record(send_at=now() + timedelta(hours=1))
    assert machine.cancel(new) == 1
    machine.let_pass(timedelta(hours=2))
    assert machine.relay() == []


def test_a_retry_that_is_waited_for_is_stopped(machine: Machine) -> None:
    new = machine.record()
    machine.provider.errors = [ProviderUnavailable("later")]
    machine.deliver(machine.message(new))
    assert machine.delivery(new).status is Status.RETRYING
    assert machine.cancel(new) == 1
    machine.deliver(machine.message(new, ticket=2))
    assert machine.provider.sent == []
    assert machine.delivery(new).status is Status.CANCELLED


def test_cancelling_twice_changes_nothing(machine: Machine) -> None:
    new = machine.record()
    assert [machine.cancel(new), machine.cancel(new)] == [1, 0]
    assert machine.events(new) == ["accepted", "cancelled"]


def test_the_audit_tells_once_who_cancelled(machine: Machine) -> None:
    new = machine.record()
    machine.cancel(new)
    machine.cancel(new)
    with machine.database.session() as connection:
        told = connection.execute("SELECT actor, action, target FROM notifications.audit").fetchall()
    assert told == [("client:billing", "notification.cancelled", f"notification:{new.notification_id}")]


def test_only_what_is_not_sent_yet_is_stopped(machine: Machine) -> None:
    new = machine.record(targets=TO_THREE)
    machine.deliver(machine.message(new, of=0))
    (claimed,) = machine.claims.claim([machine.message(new, of=1)], lease_s=30)
    assert machine.cancel(new) == 1
    machine.settlements.settle([decide(claimed, Receipt("mail", "id"), machine.delays)])
    told = {delivery.delivery_id: delivery.status for delivery in machine.trace(new).deliveries}
    assert [told[each.delivery_id] for each in new.deliveries] == [Status.SENT, Status.SENT, Status.CANCELLED]
    assert machine.trace(new).status is NotificationStatus.PARTIAL


def _retry(claimed: Claimed, machine: Machine) -> Settlement:
    return decide(claimed, ProviderUnavailable("later"), machine.delays)


def _reject(claimed: Claimed, machine: Machine) -> Settlement:
    return decide(claimed, AddressRejected("no such mailbox"), machine.delays)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (_retry, Status.CANCELLED),
        (lambda claimed, _: put_back(claimed), Status.CANCELLED),
        (lambda claimed, _: Settlement(claimed, Status.DEFERRED, 0, wake_after_s=60), Status.CANCELLED),
        (lambda claimed, machine: decide(claimed, Receipt("mail", "id"), machine.delays), Status.SENT),
        (_reject, Status.FAILED),
    ],
    ids=["retry", "put-back", "deferred", "sent", "failed"],
)
def test_one_being_sent_finishes_its_attempt_and_is_not_tried_again(
    machine: Machine, outcome: Callable[[Claimed, Machine], Settlement], status: Status
) -> None:
    new = machine.record()
    (claimed,) = machine.claims.claim([machine.message(new)], lease_s=30)
    assert machine.cancel(new) == 0
    settlement = outcome(claimed, machine)
    assert machine.settlements.settle([settlement]).keys() == {claimed.delivery_id}
    assert machine.settlements.settle([settlement]).keys() == {claimed.delivery_id}
    assert machine.events(new) == ["accepted", "queued", "sending", "cancel_requested", str(status)]
    machine.let_pass(timedelta(hours=1))
    assert machine.relay() == []
    assert machine.delivery(new).status is status
    assert _cancel_requested_at(machine) is None


def test_why_its_last_attempt_failed_is_told(machine: Machine) -> None:
    new = machine.record()
    (claimed,) = machine.claims.claim([machine.message(new)], lease_s=30)
    machine.cancel(new)
    machine.settlements.settle([_retry(claimed, machine)])
    last = machine.delivery(new).events[-1]
    assert (last.event, last.reason, last.detail) == ("cancelled", "provider_unavailable", "later")
    assert machine.delivery(new).attempts == 1


def test_one_whose_worker_died_is_cancelled_and_a_late_outcome_says_so(machine: Machine) -> None:
    new = machine.record()
    (claimed,) = machine.claims.claim([machine.message(new)], lease_s=30)
    machine.cancel(new)
    machine.let_pass(timedelta(seconds=31))
    assert machine.relay() == []
    assert machine.delivery(new).status is Status.CANCELLED
    assert machine.settlements.settle([decide(claimed, Receipt("mail", "id"), machine.delays)]) == {}
    assert machine.events(new)[-4:] == ["cancel_requested", "lease_ended", "cancelled", "outcome_late"]


def test_a_message_that_was_published_meanwhile_does_not_revive_it(machine: Machine) -> None:
    new = machine.record()
    machine.let_pass(timedelta(seconds=6))
    due = machine.outbox.take_due(limit=10)
    machine.cancel(new)
    machine.outbox.mark_queued(due, published_at=now())
    assert machine.delivery(new).status is Status.CANCELLED


def _cancel_requested_at(machine: Machine) -> Any:  # Any: a column
    with machine.database.session() as connection:
        row = connection.execute("SELECT cancel_requested_at FROM notifications.deliveries").fetchone()
    assert row is not None
    return row[0]


def test_a_worker_can_ask_which_of_those_in_its_hands_were_cancelled(machine: Machine) -> None:
    kept, stopped = machine.record(), machine.record()
    claimed = machine.claims.claim([machine.message(kept), machine.message(stopped)], lease_s=30)
    machine.cancel(stopped)
    found = machine.claims.find_cancelled([one.delivery_id for one in claimed])
    assert found == {stopped.deliveries[0].delivery_id}
