"""What a purge removes and what it leaves, of notifications of every age and state, in the real database."""

import random
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from psycopg import sql

from chalicelib.domain.audit import Actor, new_audit
from chalicelib.domain.delivery import RememberedRequest, Unreadable
from chalicelib.domain.notification import OPEN, TERMINAL, Status
from chalicelib.domain.retention import AUDIT_DAYS, Horizons, Month, Table
from chalicelib.stores.archive import ArchiveStore
from chalicelib.stores.audit import AuditOnlyStore
from chalicelib.stores.postgres import Database
from chalicelib.stores.traces import TraceStore
from tests.aging import RETENTION_DAYS, Attic, Past

SENT, FAILED, SENDING = Status.SENT, Status.FAILED, Status.SENDING
LARGE = ("notifications", "deliveries", "events")
EMPTY: dict[str, set[UUID]] = {**{table: set() for table in LARGE}, "failed": set()}


@pytest.fixture
def attic(database: Database) -> Attic:
    return Attic(database)


def is_kept(days: float, pasts: list[Past]) -> bool:
    """The rule, once more and in other words."""
    return days < RETENTION_DAYS or any(past.status in OPEN or past.days < RETENTION_DAYS for past in pasts)


@pytest.mark.parametrize("seed", range(6))
def test_exactly_what_is_closed_and_old_is_gone(attic: Attic, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  ages, not secrets
    attic.add_months(dice.choice([0, 100, 250]))  # what is older lies in the DEFAULT partition
    expected: dict[str, set[UUID]] = {name: set() for name in EMPTY}
    for _ in range(60):
        days = dice.uniform(0, 250)
        of = dice.choice([list(TERMINAL), list(Status), [SENT, FAILED]])
        pasts = [Past(dice.choice(of), dice.uniform(0, days)) for _ in range(dice.choice([1, 1, 2, 3]))]
        new = attic.record(days, *pasts)
        if is_kept(days, pasts):
            for table in LARGE:
                expected[table].add(new.notification_id)
            if any(past.status is FAILED for past in pasts):
                expected["failed"].add(new.notification_id)
    attic.purge()
    assert attic.left() == expected
    rows = attic.rows()
    attic.purge()
    assert attic.rows() == rows


@pytest.mark.parametrize("status", sorted(OPEN))
def test_what_is_open_stays_whole_whatever_its_age(attic: Attic, status: Status) -> None:
    new = attic.record(3_000, Past(SENT, 2_999), Past(status, 2_000), Past(FAILED, 2_999))
    attic.purge()
    assert attic.left() == {name: {new.notification_id} for name in EMPTY}
    assert attic.rows()["deliveries"] == 3


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_what_ended_is_kept_for_its_days_from_its_end_and_not_from_its_acceptance(attic: Attic, status: Status) -> None:
    attic.record(400, Past(status, RETENTION_DAYS + 0.1))
    young = attic.record(400, Past(status, RETENTION_DAYS - 0.1))
    attic.purge()
    assert attic.left()["notifications"] == {young.notification_id}


def test_a_purged_notification_is_not_found_and_neither_is_half_of_one(attic: Attic) -> None:
    new = attic.record(200, Past(SENT, 199))
    half = attic.record(1, Past(SENT, 1))
    with attic.database.session() as connection:
        connection.execute("DELETE FROM notifications.deliveries WHERE notification_id = %s", (half.notification_id,))
    attic.purge()
    traces = TraceStore(database=attic.database)
    assert [traces.find(each.notification_id) for each in (new, half)] == [None, None]


def test_a_failure_that_nobody_looked_at_goes_too_and_is_told(attic: Attic) -> None:
    attic.record(200, Past(FAILED, 199))
    purged = attic.purge()
    assert attic.left() == EMPTY
    assert purged.log.counted["purged", "unreviewed_failures"] == 1
    assert "failures_purged_unreviewed" in purged.warnings


def test_what_cannot_be_read_goes_when_nobody_has_touched_it_for_long(attic: Attic, database: Database) -> None:
    unread = [Unreadable("email.queue", "malformed_message", "7 bytes", b"no JSON", str(n), None) for n in range(3)]
    ArchiveStore(database=database).keep_unreadable(unread, at=attic.at)
    with database.session() as connection:
        for place, (created, updated) in enumerate([(200, 200), (200, 1), (1, 1)]):
            connection.execute(
                "UPDATE notifications.failed SET created_at = %s, updated_at = %s WHERE id IN "
                "(SELECT id FROM notifications.failed ORDER BY id OFFSET %s LIMIT 1)",
                (attic.ago(created), attic.ago(updated), place),
            )
        attic.purge()
        assert connection.execute("SELECT count(*) FROM notifications.failed").fetchone() == (2,)


def test_an_idempotency_key_lives_as_long_as_it_was_promised(attic: Attic) -> None:
    for days, key in ((200, "old"), (1, "expired")):
        attic.record(days, Past(SENT, days), remember=RememberedRequest(key, b"hash", {}))
    with attic.database.session() as connection:
        connection.execute(
            "UPDATE notifications.idempotency_keys SET expires_at = now() - interval '1 s' WHERE key = 'expired'"
        )
        attic.purge()
        assert connection.execute("SELECT key FROM notifications.idempotency_keys").fetchall() == [("old",)]


@pytest.mark.parametrize("store", ["users", "templates", "notifications"])
def test_the_audit_trail_is_kept_for_longer(attic: Attic, database: Database, store: str) -> None:
    by, trail = Actor("client:billing", "correlation-1"), AuditOnlyStore(database=database, store=store)
    for days in (RETENTION_DAYS + 1, AUDIT_DAYS - 1, AUDIT_DAYS + 1):
        trail.write(new_audit(by, "user.changed", f"user:{days}", at=attic.ago(days)))
    attic.purge()
    with database.session() as connection:
        query = sql.SQL("SELECT target FROM {}.audit ORDER BY id").format(sql.Identifier(store))
        targets = connection.execute(query).fetchall()
    assert targets == [(f"user:{AUDIT_DAYS - 1}",), (f"user:{RETENTION_DAYS + 1}",)]


def test_the_audit_trail_is_kept_as_long_as_the_notifications_where_these_are_kept_longer(attic: Attic) -> None:
    horizons = Horizons.at(attic.at, retention_days=1_000)
    assert horizons.closed == horizons.audit == attic.ago(1_000)


def test_an_invocation_that_has_no_time_says_so_and_the_next_goes_on(attic: Attic) -> None:
    for _ in range(5):
        attic.record(200, *(Past(SENT, 199) for _ in range(300)))
    ticks = iter([600.0] * 4)  # the keys, a page, and two portions of it
    purged = attic.purge(remaining_s=lambda: next(ticks, 0.0))
    assert "purge_unfinished" in purged.warnings
    assert len(attic.left()["notifications"]) == 3
    assert attic.rows()["deliveries"] == 3 * 300
    assert attic.purge().warnings == []
    assert attic.left() == EMPTY


def test_what_is_found_is_weighed_by_all_its_rows(attic: Attic) -> None:
    recorded = [attic.record(200 - place, *(Past(SENT, 150) for _ in range(place + 1))) for place in range(4)]
    horizons = Horizons.at(attic.at, retention_days=RETENTION_DAYS)
    found = attic.ended.find(horizons, after=UUID(int=0), limit=3)
    assert [one.notification_id for one in found] == [new.notification_id for new in recorded[:3]]
    assert [one.rows for one in found] == [3, 5, 7]
    (last,) = attic.ended.find(horizons, after=found[-1].notification_id, limit=3)
    assert last.notification_id == recorded[3].notification_id


WITHIN: dict[str, Callable[[Attic], object]] = {
    "an open row": lambda attic: attic.record(150, Past(Status.DEFERRED, 140)),
    "a row that ended lately": lambda attic: attic.record(150, Past(SENT, 3)),
}


def test_a_month_that_is_over_goes_whole(attic: Attic) -> None:
    months = attic.add_months(160)
    for days in (150, 149, 100):
        attic.record(days, Past(FAILED, days - 0.1))
    kept = attic.record(80, Past(SENT, 80))
    attic.purge()
    passed = {month for month in months if month.ends <= attic.ago(RETENTION_DAYS)}
    assert len(passed) >= 2
    for table in Table:
        assert not passed & attic.months_of(table)
        assert set(months) - passed <= attic.months_of(table)
    assert attic.left() == {**EMPTY, **{name: {kept.notification_id} for name in LARGE}}


@pytest.mark.parametrize("what", WITHIN)
def test_a_month_that_holds_something_stays_and_the_rest_of_it_goes_row_by_row(attic: Attic, what: str) -> None:
    attic.add_months(160)
    WITHIN[what](attic)
    attic.record(150.001, Past(SENT, 150))
    attic.purge()
    assert attic.rows()["notifications"] == 1
    assert all(Month.of(attic.ago(150)) in attic.months_of(table) for table in Table)
    with attic.database.session() as connection:
        connection.execute(
            "UPDATE notifications.deliveries SET status = 'expired', wake_at = NULL, updated_at = %s",
            (attic.ago(RETENTION_DAYS + 1),),
        )
    attic.purge()
    assert attic.left() == EMPTY
    assert not any(Month.of(attic.ago(150)) in attic.months_of(table) for table in Table)


def test_every_run_leaves_partitions_three_months_ahead(attic: Attic) -> None:
    attic.at += timedelta(days=200)
    log = attic.purge().log
    month = Month.of(attic.at)
    for _ in range(4):
        assert all(month in attic.months_of(table) for table in Table)
        month = month.following
    assert log.measured["months_ahead",] == 3
