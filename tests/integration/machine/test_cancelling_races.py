"""Cancelling against workers and relays at the same moment: one of them has each row, and nothing is left behind."""

import random
from datetime import timedelta

import pytest

from chalicelib.channels.base import Receipt
from chalicelib.domain.audit import Actor, new_audit
from chalicelib.domain.delivery import Claimed, NewNotification, Settlement
from chalicelib.domain.notification import OPEN, Status
from chalicelib.domain.recipient import EmailTarget
from chalicelib.domain.trace import TracedDelivery
from chalicelib.errors import ProviderUnavailable
from chalicelib.services.settle import decide, put_back
from chalicelib.stores.cancellations import CancellationStore
from chalicelib.stores.claims import ClaimStore
from chalicelib.stores.outbox import OutboxStore
from chalicelib.stores.postgres import Database
from chalicelib.stores.settlements import SettlementStore
from tests.integration.machine.test_concurrency import at_once, shuffled, waiting_of
from tests.machine import Machine, now

RUNS = 5
TARGETS = [EmailTarget(f"person-{number}@example.org") for number in range(40)]


def _cancel(database: Database, new: NewNotification) -> int:
    by = Actor("client:billing", "correlation-2")
    audit = new_audit(by, "notification.cancelled", f"notification:{new.notification_id}", at=now())
    return CancellationStore(database=database).cancel(new.notification_id, by=by, audit=audit)


def _outcome(claimed: Claimed, machine: Machine, chance: random.Random) -> Settlement:
    return chance.choice(
        [
            decide(claimed, Receipt("mail", "id"), machine.delays),
            decide(claimed, ProviderUnavailable("later"), machine.delays),
            put_back(claimed),
        ]
    )


@pytest.mark.parametrize("seed", range(RUNS))
def test_workers_relays_and_two_who_cancel_at_once(machine: Machine, migrated_url: str, seed: int) -> None:
    new = machine.record(targets=TARGETS)
    messages = machine.messages(new)
    machine.let_pass(timedelta(seconds=6))

    def work(database: Database, place: int) -> None:
        chance = random.Random(seed * 100 + place)  # noqa: S311  an order, not a secret
        claims, outbox = ClaimStore(database=database), OutboxStore(database=database)
        settlements = SettlementStore(database=database)
        if place < 2:
            _cancel(database, new)
        elif place == 2:
            outbox.mark_queued(outbox.take_due(limit=20), published_at=now())
        else:
            order = shuffled(messages, seed * 100 + place)
            for start in range(0, len(order), 10):
                batch = order[start : start + 10]
                outbox.mark_queued([waiting_of(one) for one in batch], published_at=now())
                settlements.settle([_outcome(one, machine, chance) for one in claims.claim(batch, lease_s=30)])

    at_once(migrated_url, 6, work)
    _require_no_contradiction(machine.trace(new).deliveries)
    # whatever was left open, and whoever died with it, ends for good
    machine.cancel(new)
    machine.let_pass(timedelta(hours=1))
    machine.outbox.take_due(limit=500)
    ended = machine.trace(new).deliveries
    _require_no_contradiction(ended)
    assert not [delivery for delivery in ended if delivery.status in OPEN]
    machine.let_pass(timedelta(days=1))
    assert machine.relay() == []


@pytest.mark.parametrize("seed", range(RUNS))
def test_an_ended_lease_a_late_worker_and_a_cancellation_at_once(
    machine: Machine, migrated_url: str, seed: int
) -> None:
    new = machine.record(targets=TARGETS)
    claimed = machine.claims.claim(machine.messages(new), lease_s=30)
    machine.let_pass(timedelta(seconds=31))
    outcomes = [decide(one, Receipt("mail", "id"), machine.delays) for one in claimed]
    random.Random(seed).shuffle(outcomes)  # noqa: S311  as above

    def work(database: Database, place: int) -> None:
        if place == 0:
            SettlementStore(database=database).settle(outcomes)
        elif place == 1:
            OutboxStore(database=database).take_due(limit=20)
        else:
            _cancel(database, new)

    at_once(migrated_url, 3, work)
    SettlementStore(database=machine.database).settle(outcomes)
    machine.cancel(new)
    ended = machine.trace(new).deliveries
    _require_no_contradiction(ended)
    assert not [delivery for delivery in ended if delivery.status in OPEN]


def _require_no_contradiction(deliveries: tuple[TracedDelivery, ...]) -> None:
    """A cancelled delivery was never sent, unless an event says that it was, too late."""
    for delivery in deliveries:
        told = [str(event.event) for event in delivery.events]
        assert told.count("sent") + told.count("cancelled") <= 1, told
        if delivery.status is Status.CANCELLED:
            assert "sent" not in told, told
            late = [event for event in delivery.events if event.event == "outcome_late"]
            assert all((event.detail or "").startswith("sent") for event in late), told
