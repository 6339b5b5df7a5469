"""Purges beside everybody else: what is purged is gone whole, what is not is untouched, and nobody is held up."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar
from uuid import UUID, uuid4

import pytest

from chalicelib.domain.notification import Status
from chalicelib.domain.retention import NO_KEY, Change, Horizons, Month, Table
from chalicelib.errors import Conflict, NotFound
from chalicelib.stores.erasures_of_notifications import NotificationErasureStore
from chalicelib.stores.partitions import PartitionStore
from chalicelib.stores.postgres import Database
from chalicelib.stores.replays import HOLD_NOTIFICATIONS, LOCK
from chalicelib.stores.traces import TraceStore
from tests.aging import RETENTION_DAYS, Attic, Past
from tests.failures import Desk, published
from tests.integration.machine.test_concurrency import at_once
from tests.machine import Machine

RUNS = 3
OLD = 24
MANY = 12
UNNOTICED_S = 5.0
"""Much longer than a lock is waited for, and much shorter than a backup takes: a busy machine must not fail a test."""

SENT, FAILED = Status.SENT, Status.FAILED
T = TypeVar("T")


@pytest.fixture
def attic(database: Database) -> Attic:
    return Attic(database)


def run_all(work: Sequence[Callable[[Database], T]], url: str) -> list[T]:
    """Everybody at once, each over a connection of their own."""
    return at_once(url, len(work), lambda database, place: work[place](database))


class Crowd:
    """Everybody who may be at work while old notifications are purged; each method has a connection of its own."""

    def __init__(self, attic: Attic, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311  ages, not secrets
        self.attic = attic
        self.somebody = uuid4()
        attic.add_months(160)
        for _ in range(OLD):
            days = dice.uniform(95, 160)
            attic.record(days, Past(SENT, days), Past(FAILED, days), user_id=dice.choice([None, self.somebody]))
        self.failures = dice.sample(attic.failures(), OLD)
        self.old = attic.left()["notifications"]
        self.replayed: set[UUID] = set()
        self.delivered: list[Status] = []

    def replay(self, database: Database) -> None:
        desk = Desk(database, published())
        for failure in self.failures[: OLD // 2]:
            with contextlib.suppress(NotFound, Conflict):
                replayed = desk.replay(failure)
                self.replayed.add(replayed.delivery_id)

    def discard(self, database: Database) -> None:
        desk = Desk(database, published())
        for failure in self.failures[OLD // 3 :]:
            with contextlib.suppress(NotFound, Conflict):
                desk.discard(failure)

    def erase(self, database: Database) -> None:
        erasures = NotificationErasureStore(database=database)
        erasures.erase(self.somebody, erasures.find(self.somebody, limit=OLD))

    def accept_and_deliver(self, database: Database) -> None:
        machine = Machine(database)
        recorded = [machine.record() for _ in range(MANY)]
        for new in recorded:
            machine.deliver(machine.message(new))
        self.delivered = [machine.delivery(new).status for new in recorded]

    def relay_and_read(self, database: Database) -> None:
        machine, traces = Machine(database), TraceStore(database=database)
        for notification_id in self.old:
            machine.relay()
            found = traces.find(notification_id)
            assert found is None or len(found.deliveries) == 2

    def purge(self, database: Database) -> None:
        for _ in range(2):
            self.attic.purge(database=database)

    def old_deliveries(self) -> dict[UUID, set[UUID]]:
        """What is left of the old ones, by notification."""
        query = "SELECT notification_id, array_agg(id) FROM notifications.deliveries WHERE id < %s GROUP BY 1"
        with self.attic.database.session() as connection:
            rows = connection.execute(query, (Month.of(self.attic.at).keys.first,)).fetchall()
        return {notification_id: set(ids) for notification_id, ids in rows}


@pytest.mark.parametrize("seed", range(RUNS))
def test_beside_purges_everything_else_goes_on_and_nothing_is_half_purged(
    attic: Attic, migrated_url: str, seed: int
) -> None:
    crowd = Crowd(attic, seed)
    roles = [crowd.replay, crowd.discard, crowd.erase, crowd.accept_and_deliver, crowd.relay_and_read]
    run_all([*roles, crowd.purge, crowd.purge], migrated_url)
    assert crowd.delivered == [SENT] * MANY
    attic.purge()
    left, deliveries = attic.left(), crowd.old_deliveries()
    assert left["deliveries"] == left["events"] == left["notifications"]
    assert left["failed"] <= left["notifications"]
    assert {len(ids) for ids in deliveries.values()} <= {2}
    assert crowd.replayed <= set().union(*deliveries.values())


def test_what_was_replayed_since_it_was_found_is_left_whole(attic: Attic) -> None:
    attic.record(150, Past(SENT, 150), Past(FAILED, 150))
    horizons = Horizons.at(attic.at, retention_days=RETENTION_DAYS)
    (found,) = attic.ended.find(horizons, after=NO_KEY, limit=1)
    assert not found.kept
    Desk(attic.database, published()).replay(attic.failures()[0])
    before = attic.rows()
    assert attic.ended.delete([found.notification_id], horizons).total() == 0
    assert attic.rows() == before


@pytest.mark.parametrize("months", [0, 160], ids=["notification by notification", "as a month"])
def test_what_is_about_to_be_replayed_is_left_alone_and_waited_for_by_nobody(
    attic: Attic, migrated_url: str, months: int
) -> None:
    attic.add_months(months)
    new = attic.record(150, Past(FAILED, 150))
    other = Database(migrated_url)
    hold = {"notification_ids": [new.notification_id], "failure_ids": attic.failures()}
    hold["delivery_ids"] = [new.deliveries[0].delivery_id]
    with other.session() as connection, connection.transaction():
        connection.execute(HOLD_NOTIFICATIONS, hold)
        connection.execute(LOCK, hold)
        began_s = time.monotonic()
        attic.purge()
        assert time.monotonic() - began_s < UNNOTICED_S
        assert attic.rows() == {"notifications": 1, "deliveries": 1, "events": 1, "failed": 1}
    other.close()
    attic.purge()
    assert attic.rows().total() == 0


@contextlib.contextmanager
def reading(url: str, table: Table) -> Iterator[None]:
    """Somebody's report, or a backup: a transaction that has read the whole table and goes on."""
    database = Database(url)
    with database.session() as connection, connection.transaction():
        connection.execute(f"SELECT count(*) FROM notifications.{table}".encode())
        yield
    database.close()


@pytest.mark.parametrize("table", Table)
def test_a_month_that_somebody_reads_for_long_stays_until_they_are_done_and_nobody_else_waits_for_that(
    attic: Attic, migrated_url: str, table: Table
) -> None:
    attic.add_months(130)
    attic.record(125, Past(SENT, 125))
    month = Month.of(attic.ago(125))
    slowest_s = 0.0
    over = threading.Event()

    def accept(database: Database) -> list[str]:
        nonlocal slowest_s
        machine = Machine(database)
        while not over.is_set():
            began_s = time.monotonic()
            machine.record()
            slowest_s = max(slowest_s, time.monotonic() - began_s)
        return []

    def purge(database: Database) -> list[str]:
        try:
            return attic.purge(database=database).warnings
        finally:
            over.set()

    with reading(migrated_url, table):
        _, warnings = run_all([accept, purge], migrated_url)
    assert "month_kept" in warnings
    assert month in attic.months_of(table)
    assert slowest_s < UNNOTICED_S
    attic.purge()
    assert not any(month in attic.months_of(table) for table in Table)
    assert attic.left()["deliveries"] == attic.left()["notifications"]


def test_a_month_ahead_that_cannot_be_added_now_is_added_the_next_time(attic: Attic, migrated_url: str) -> None:
    month = Month.of(attic.ago(-200))
    with reading(migrated_url, Table.EVENTS):
        assert attic.partitions.add(Table.EVENTS, month) is Change.BUSY
        assert attic.partitions.add(Table.DELIVERIES, month) is Change.DONE
    assert attic.partitions.add(Table.EVENTS, month) is Change.DONE


def test_an_insert_under_way_keeps_nobody_from_adding_a_month(attic: Attic, migrated_url: str) -> None:
    writer = Database(migrated_url)
    with writer.session() as connection, connection.transaction():
        Machine(writer).record()
        assert attic.partitions.add(Table.NOTIFICATIONS, Month.of(attic.ago(-200))) is Change.DONE
        assert connection.info.transaction_status.name == "INTRANS"
    writer.close()


def test_many_who_add_and_drop_the_same_months_do_each_once(attic: Attic, migrated_url: str) -> None:
    months = [Month.of(attic.ago(days)) for days in (100, 140, 180)]

    def change(database: Database) -> set[Change]:
        partitions = PartitionStore(database=database)
        return {partitions.add(table, month) for month in months for table in Table} | {
            partitions.drop(table, month) for month in months for table in reversed(Table)
        }

    told = run_all([change] * 4, migrated_url)
    assert {Change.DONE, Change.BUSY} >= set().union(*told)
    for month in months:
        for table in Table:
            attic.partitions.drop(table, month)
            assert month not in attic.months_of(table)


def test_a_month_whose_rows_lie_in_the_default_partition_already_is_blocked_and_no_other_is(attic: Attic) -> None:
    attic.record(150, Past(SENT, 1))
    month = Month.of(attic.ago(150))
    assert {attic.partitions.add(table, month) for table in Table} == {Change.BLOCKED}
    assert attic.partitions.add(Table.EVENTS, month.following) is Change.DONE


def test_a_month_in_which_something_is_open_cannot_be_dropped_by_anybody(attic: Attic) -> None:
    attic.add_months(150)
    attic.record(100, Past(Status.SCHEDULED, 100))
    assert {attic.partitions.drop(table, Month.of(attic.ago(100))) for table in Table} == {Change.BLOCKED}


def test_a_partition_added_later_is_like_one_of_the_first_hour(attic: Attic) -> None:
    first, later = Month.of(attic.at), Month.of(attic.ago(-200))
    shape = """
        SELECT array_agg(format('%%s %%s %%s %%s', attname, atttypid::regtype, attnotnull, pg_get_expr(adbin, adrelid))
                         ORDER BY attname),
               (SELECT array_agg(pg_get_constraintdef(oid) ORDER BY pg_get_constraintdef(oid))
                FROM pg_constraint WHERE conrelid = %(name)s::regclass),
               (SELECT array_agg(replace(pg_get_indexdef(indexrelid), %(month)s, '') ORDER BY indexrelid)
                FROM pg_index WHERE indrelid = %(name)s::regclass)
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = %(name)s::regclass AND attnum > 0
    """
    for table in Table:
        attic.partitions.add(table, later)
        names = [{"name": f"notifications.{table}_{month.name}", "month": month.name} for month in (first, later)]
        with attic.database.session() as connection:
            shapes = [connection.execute(shape.encode(), name).fetchone() for name in names]
        assert shapes[0] == shapes[1]
