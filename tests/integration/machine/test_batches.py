"""Recording many at once over the real store: one key is one notification, and nobody waits in a circle."""

import random
from dataclasses import replace
from uuid import UUID

import pytest

from chalicelib.domain.delivery import NewNotification, NewRecord, RememberedRequest
from chalicelib.domain.identity import new_id, sibling_id
from chalicelib.domain.notification import Status
from chalicelib.stores.notifications import NotificationStore
from chalicelib.stores.postgres import Database
from tests.integration.machine.test_concurrency import at_once
from tests.machine import Machine, now

KEYS = [f"key-{number}" for number in range(60)]


def another(like: NewNotification) -> NewNotification:
    """The same notification once more, with identifiers of its own."""
    notification_id = new_id(now())
    deliveries = tuple(replace(each, delivery_id=sibling_id(notification_id)) for each in like.deliveries)
    return replace(like, notification_id=notification_id, deliveries=deliveries)


def keyed(like: NewNotification, key: str | None) -> NewRecord:
    remember = None if key is None else RememberedRequest(key, b"hash", {"n": 1})
    return NewRecord(another(like), remember)


def count(machine: Machine, table: str) -> int:
    with machine.database.session() as connection:
        row = connection.execute(f"SELECT count(*) FROM notifications.{table}").fetchone()
    assert row is not None
    return int(row[0])


def test_what_is_recorded_together_is_as_if_recorded_alone(machine: Machine) -> None:
    like = machine.record(send_at=now())
    records = [keyed(like, key) for key in ("a", None, "b")]
    ids = machine.notifications.record_all(records, remember_s=60)
    assert ids == {one.notification.notification_id for one in records}
    traced = machine.trace(like)
    for one in records:
        found = machine.trace(one.notification)
        assert found.variables == traced.variables
        assert found.send_at == traced.send_at
        (delivery,) = found.deliveries
        assert (delivery.status, delivery.wake_at) == (Status.SCHEDULED, traced.deliveries[0].wake_at)
        assert [event.event for event in delivery.events] == ["scheduled"]
    remembered = machine.notifications.find_all_remembered("client", ["a", "b", "c"])
    assert remembered == {key: RememberedRequest(key, b"hash", {"n": 1}) for key in ("a", "b")}


def test_one_whose_key_is_taken_is_left_out_with_all_that_is_its_own(machine: Machine) -> None:
    like = machine.record(remember=RememberedRequest("taken", b"hash", {}))
    taken, free = keyed(like, "taken"), keyed(like, "free")
    assert machine.notifications.record_all([taken, free], remember_s=60) == {free.notification.notification_id}
    assert machine.traces.find(taken.notification.notification_id) is None
    assert [count(machine, table) for table in ("notifications", "deliveries", "events", "idempotency_keys")] == [2] * 4


@pytest.mark.parametrize("seed", range(3))
def test_batches_with_the_same_keys_at_once_are_one_notification_a_key(
    machine: Machine, migrated_url: str, seed: int
) -> None:
    like = machine.record()

    def record(database: Database, place: int) -> frozenset[UUID]:
        keys = random.Random(seed * 10 + place).sample(KEYS, len(KEYS))  # noqa: S311  an order, not a secret
        store = NotificationStore(database=database)
        return store.record_all([keyed(like, key) for key in keys], remember_s=60)

    recorded = at_once(migrated_url, 6, record)
    assert sum(map(len, recorded)) == len(KEYS)
    assert count(machine, "notifications") == len(KEYS) + 1
    assert count(machine, "deliveries") == len(KEYS) + 1


def test_keys_whose_time_is_over_are_free_again(machine: Machine) -> None:
    like = machine.record(remember=RememberedRequest("old", b"hash", {}))
    with machine.database.session() as connection:
        connection.execute("UPDATE notifications.idempotency_keys SET expires_at = now() - interval '1 second'")
    assert machine.notifications.find_all_remembered("client", ["old", "new"]) == {}
    assert len(machine.notifications.record_all([keyed(like, "old")], remember_s=60)) == 1
