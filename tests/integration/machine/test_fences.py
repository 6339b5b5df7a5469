"""What stands between two processes that have the same rows in view: the fence, the order of locks, and passing by."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from chalicelib.channels.base import Receipt
from chalicelib.domain.delivery import Claimed
from chalicelib.domain.messages import DeliveryMessage
from chalicelib.domain.notification import Status
from chalicelib.errors import AddressRejected
from chalicelib.services.settle import decide
from chalicelib.stores.claims import ClaimStore
from chalicelib.stores.outbox import OutboxStore
from chalicelib.stores.postgres import Database
from chalicelib.stores.settlements import SettlementStore
from tests.e2e.waiting import eventually
from tests.integration.machine.test_concurrency import many, waiting_of
from tests.machine import Machine, now

LOCK_ONE = "SELECT id FROM notifications.deliveries WHERE id = %s FOR UPDATE"
LOCKABLE = "SELECT id FROM notifications.deliveries FOR UPDATE SKIP LOCKED"
WAITS_FOR_A_LOCK = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@contextmanager
def held(url: str, delivery_id: UUID) -> Iterator[None]:
    """Somebody has this row in a transaction that has not ended."""
    with psycopg.connect(url) as connection:
        connection.execute(LOCK_ONE, [delivery_id])
        yield
        connection.rollback()


def claimed_by_a_second_worker(machine: Machine) -> tuple[Claimed, Claimed]:
    """The same delivery as the worker knows it whose lease has ended, and as its heir does."""
    new = machine.record()
    (late,) = machine.claims.claim([machine.message(new)], lease_s=30)
    machine.let_pass(timedelta(seconds=31))
    (heir,) = machine.claims.claim(machine.relay(), lease_s=30)
    return late, heir


def test_a_late_outcome_does_not_settle_the_claim_of_another(machine: Machine) -> None:
    late, heir = claimed_by_a_second_worker(machine)
    assert machine.settlements.settle([decide(late, AddressRejected("no such mailbox"), machine.delays)]) == {}
    sent = machine.settlements.settle([decide(heir, Receipt("mail", "id-1"), machine.delays)])
    assert sent == {heir.delivery_id: Status.SENT}


def test_what_relay_has_taken_is_its_own_for_a_while(machine: Machine) -> None:
    messages = many(machine, 3)
    machine.let_pass(timedelta(seconds=6))
    assert len(machine.outbox.take_due(limit=10)) == len(messages)
    assert machine.outbox.take_due(limit=10) == []


def test_relay_passes_by_what_another_has_in_hand(machine: Machine, migrated_url: str) -> None:
    messages = many(machine, 3)
    machine.let_pass(timedelta(seconds=6))
    with held(migrated_url, messages[0].delivery_id):
        taken = machine.outbox.take_due(limit=10)
    assert {row.delivery_id for row in taken} == {message.delivery_id for message in messages[1:]}


Act = Callable[[Database], object]


def claim(_machine: Machine, messages: Sequence[DeliveryMessage]) -> Act:
    return lambda database: ClaimStore(database=database).claim(messages, lease_s=30)


def defer(_machine: Machine, messages: Sequence[DeliveryMessage]) -> Act:
    return lambda database: ClaimStore(database=database).defer(
        messages, reason="circuit_open", detail="open", at_least_s=5
    )


def note(_machine: Machine, messages: Sequence[DeliveryMessage]) -> Act:
    rows = [waiting_of(message) for message in messages]
    return lambda database: OutboxStore(database=database).mark_queued(rows, published_at=now())


def settle(machine: Machine, messages: Sequence[DeliveryMessage]) -> Act:
    claimed = machine.claims.claim(messages, lease_s=30)
    outcomes = [decide(one, Receipt("mail", None), machine.delays) for one in reversed(claimed)]
    return lambda database: SettlementStore(database=database).settle(outcomes)


@pytest.mark.parametrize("act", [claim, defer, note, settle])
def test_rows_are_locked_in_the_order_of_their_ids_in_whatever_order_they_are_named(
    machine: Machine, migrated_url: str, act: Callable[[Machine, Sequence[DeliveryMessage]], Act]
) -> None:
    messages = sorted(many(machine, 20), key=lambda message: message.delivery_id, reverse=True)
    *later, first = (message.delivery_id for message in messages)
    database, ready = Database(migrated_url), act(machine, messages)
    with ThreadPoolExecutor(1) as pool:
        with held(migrated_url, first):
            acting = pool.submit(ready, database)
            eventually(lambda: waits_for_a_lock(machine), within_s=20, otherwise=acting.done)
            with machine.database.session() as connection:
                free = {row[0] for row in connection.execute(LOCKABLE)}
        acting.result()
    database.close()
    assert free == set(later)


def waits_for_a_lock(machine: Machine) -> bool:
    with machine.database.session() as connection:
        row = connection.execute(WAITS_FOR_A_LOCK).fetchone()
    return row is not None and row[0] == 1
