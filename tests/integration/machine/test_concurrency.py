"""Several workers and relays over one PostgreSQL at once: each row is one's, and nobody waits in a circle."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import TypeVar
from uuid import UUID

import pytest

from chalicelib.channels.base import Receipt
from chalicelib.domain.delivery import Waiting
from chalicelib.domain.messages import DeliveryMessage
from chalicelib.domain.notification import Status
from chalicelib.domain.recipient import EmailTarget
from chalicelib.services.settle import decide
from chalicelib.stores.claims import ClaimStore
from chalicelib.stores.outbox import OutboxStore
from chalicelib.stores.postgres import Database
from chalicelib.stores.settlements import SettlementStore
from tests.machine import Machine, now

WORKERS = 8
RELAYS = 4


T = TypeVar("T")


def at_once(url: str, count: int, work: Callable[[Database, int], T]) -> list[T]:
    """Run `work` in as many threads, each with a connection of its own, all from the same moment on."""
    ready = Barrier(count)

    def run(place: int) -> T:
        database = Database(url)
        try:
            with database.session() as connection:
                connection.execute("SELECT 1")
            ready.wait()
            return work(database, place)
        finally:
            database.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def waiting_of(message: DeliveryMessage) -> Waiting:
    return Waiting(
        delivery_id=message.delivery_id,
        notification_id=message.notification_id,
        channel=message.channel,
        lane="email",
        ticket=message.ticket,
        correlation_id=message.correlation_id,
    )


def many(machine: Machine, count: int) -> list[DeliveryMessage]:
    new = machine.record(targets=[EmailTarget(f"person-{number}@example.org") for number in range(count)])
    return machine.messages(new)


def shuffled(messages: Sequence[DeliveryMessage], seed: int) -> list[DeliveryMessage]:
    return random.Random(seed).sample(messages, len(messages))  # noqa: S311  an order, not a secret


def test_workers_with_overlapping_batches_claim_each_delivery_once(machine: Machine, migrated_url: str) -> None:
    messages = many(machine, 300)

    def claim(database: Database, place: int) -> list[UUID]:
        order = shuffled(messages, place)
        batches = [order[start : start + 100] for start in range(0, len(order), 100)]
        claims = ClaimStore(database=database)
        return [claimed.delivery_id for batch in batches for claimed in claims.claim(batch, lease_s=30)]

    claimed = [delivery_id for mine in at_once(migrated_url, WORKERS, claim) for delivery_id in mine]
    assert sorted(claimed) == sorted(message.delivery_id for message in messages)


def test_claims_settles_and_notes_at_once_do_not_lock_each_other_out(machine: Machine, migrated_url: str) -> None:
    messages = many(machine, 200)

    def work(database: Database, place: int) -> int:
        claims, settlements = ClaimStore(database=database), SettlementStore(database=database)
        outbox = OutboxStore(database=database)
        order = shuffled(messages, place)
        settled = 0
        for start in range(0, len(order), 40):
            batch = order[start : start + 40]
            outbox.mark_queued([waiting_of(one) for one in batch], published_at=now())
            outcomes = [decide(one, Receipt("mail", None), machine.delays) for one in claims.claim(batch, lease_s=30)]
            random.Random(place).shuffle(outcomes)  # noqa: S311  as above
            settled += len(settlements.settle(outcomes))
        return settled

    assert sum(at_once(migrated_url, WORKERS, work)) == len(messages)
    with machine.database.session() as connection:
        told = connection.execute(
            "SELECT event, count(*), count(DISTINCT delivery_id) FROM notifications.events "
            "WHERE event IN ('sending', 'sent') GROUP BY event"
        ).fetchall()
    assert sorted(told) == [("sending", 200, 200), ("sent", 200, 200)]


def test_relays_at_once_take_each_due_row_once(machine: Machine, migrated_url: str) -> None:
    messages = many(machine, 400)
    machine.let_pass(timedelta(seconds=6))

    def take(database: Database, _place: int) -> list[UUID]:
        outbox = OutboxStore(database=database)
        mine: list[UUID] = []
        while page := outbox.take_due(limit=30):
            mine += [row.delivery_id for row in page]
        return mine

    taken = [delivery_id for mine in at_once(migrated_url, RELAYS, take) for delivery_id in mine]
    assert sorted(taken) == sorted(message.delivery_id for message in messages)


def test_relays_at_once_count_an_ended_lease_once(machine: Machine, migrated_url: str) -> None:
    messages = many(machine, 100)
    machine.claims.claim(messages, lease_s=30)
    machine.let_pass(timedelta(seconds=31))
    at_once(migrated_url, RELAYS, lambda database, _: OutboxStore(database=database).take_due(limit=500))
    with machine.database.session() as connection:
        rows = connection.execute("SELECT DISTINCT status, ticket, crashes FROM notifications.deliveries").fetchall()
    assert rows == [(Status.QUEUED, 3, 1)]


@pytest.mark.parametrize("seed", range(3))
def test_a_late_worker_and_relay_never_both_have_a_row(machine: Machine, migrated_url: str, seed: int) -> None:
    claimed = machine.claims.claim(many(machine, 100), lease_s=30)
    machine.let_pass(timedelta(seconds=31))
    outcomes = [decide(one, Receipt("mail", None), machine.delays) for one in claimed]
    random.Random(seed).shuffle(outcomes)  # noqa: S311  as above

    def work(database: Database, place: int) -> set[UUID]:
        if place:
            return set(SettlementStore(database=database).settle(outcomes))
        return {row.delivery_id for row in OutboxStore(database=database).take_due(limit=50)}

    taken, settled = at_once(migrated_url, 2, work)
    assert taken | settled == {one.delivery_id for one in claimed}
    assert not taken & settled
