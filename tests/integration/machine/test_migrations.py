"""Migrating: twice, at once, and what is there afterwards."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from chalicelib.domain.identity import new_id
from chalicelib.migrations.run import upgrade

ROOT = Path(__file__).parents[3]
STORES = ("users", "templates", "notifications")
PARTITIONED = ("notifications", "deliveries", "events")
UPGRADE = "import sys; from chalicelib.migrations.run import upgrade; upgrade(sys.argv[1], sys.argv[2])"


def months_from(month: datetime, count: int) -> list[datetime]:
    months = [month.replace(day=1, hour=0, minute=0, second=0, microsecond=0)]
    while len(months) < count:
        months.append((months[-1] + timedelta(days=32)).replace(day=1))
    return months


def partition_of(url: str, table: str, at: datetime) -> str:
    """Where a row of this moment lands."""
    with psycopg.connect(url) as connection:
        identifier = new_id(at)
        row = {
            "notifications": {"client_id": "c", "template_code": "t", "template_version": 1, "priority": "normal"}
            | {"locale": "en", "variables": "{}", "metadata": "{}", "correlation_id": "c"},
            "deliveries": {"notification_id": identifier, "channel": "email", "lane": "email", "locale": "en"}
            | {"target": "{}", "status": "sent"},
            "events": {"notification_id": identifier, "delivery_id": identifier, "event": "sent", "attempt": 1}
            | {"correlation_id": "c"},
        }[table]
        columns = ", ".join(["id", *row])
        places = ", ".join(["%s"] * (len(row) + 1))
        landed = connection.execute(
            f"INSERT INTO notifications.{table} ({columns}) VALUES ({places}) RETURNING tableoid::regclass::text",
            [identifier, *row.values()],
        ).fetchone()
        connection.rollback()
    assert landed is not None
    return str(landed[0]).removeprefix("notifications.")


def tables_of(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {
            f"{schema}.{name}"
            for schema, name in connection.execute(
                "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY (%s)", [list(STORES)]
            )
        }


def test_two_upgrades_at_once_wait_for_each_other(fresh_database: str) -> None:
    def in_a_process_of_its_own(store: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", UPGRADE, store, fresh_database]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(in_a_process_of_its_own, ["notifications", "users", "notifications", "notifications"]))
    assert [(one.returncode, one.stderr) for one in done] == [(0, "")] * 4
    assert {"notifications.deliveries", "users.users"} <= tables_of(fresh_database)


def test_an_upgrade_after_an_upgrade_changes_nothing(fresh_database: str) -> None:
    for store in STORES:
        upgrade(store, fresh_database)
    before = tables_of(fresh_database)
    for store in STORES:
        upgrade(store, fresh_database)
    assert tables_of(fresh_database) == before
    assert {f"{store}.alembic_version" for store in STORES} <= before


def test_a_schema_of_a_later_release_is_left_alone_and_told_of(fresh_database: str) -> None:
    assert upgrade("users", fresh_database)
    with psycopg.connect(fresh_database) as connection:
        connection.execute("UPDATE users.alembic_version SET version_num = 'of-a-later-release'")
    before = tables_of(fresh_database)
    assert not upgrade("users", fresh_database)
    assert tables_of(fresh_database) == before


def test_each_store_may_be_upgraded_alone(fresh_database: str) -> None:
    upgrade("templates", fresh_database)
    assert {table.partition(".")[0] for table in tables_of(fresh_database)} == {"templates"}


@pytest.mark.parametrize("table", PARTITIONED)
def test_this_month_and_the_next_three_have_their_partitions_and_the_rest_a_default(
    migrated_url: str, table: str
) -> None:
    months = months_from(datetime.now(UTC), 5)
    for month in months[:4]:
        assert partition_of(migrated_url, table, month) == f"{table}_{month:%Y_%m}"
    last_moment = months[4] - timedelta(milliseconds=1)
    assert partition_of(migrated_url, table, last_moment) == f"{table}_{months[3]:%Y_%m}"
    assert partition_of(migrated_url, table, months[4]) == f"{table}_default"
    assert partition_of(migrated_url, table, months[0] - timedelta(milliseconds=1)) == f"{table}_default"


def test_ensuring_partitions_again_adds_only_what_is_missing(migrated_url: str) -> None:
    before = tables_of(migrated_url)
    with psycopg.connect(migrated_url) as connection:
        connection.execute("SELECT notifications.ensure_partitions(3)")
        connection.execute("SELECT notifications.ensure_partitions(4)")
    month = months_from(datetime.now(UTC), 5)[4]
    assert tables_of(migrated_url) - before == {f"notifications.{table}_{month:%Y_%m}" for table in PARTITIONED}


def test_a_sibling_made_by_the_database_is_one_of_ours(migrated_url: str) -> None:
    identifier = new_id(datetime.now(UTC))
    with psycopg.connect(migrated_url) as connection:
        made = connection.execute("SELECT notifications.sibling(%s)", [identifier]).fetchone()
    assert made is not None
    assert made[0].version == 7
    assert made[0].int >> 80 == identifier.int >> 80
