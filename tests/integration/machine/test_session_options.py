"""What bounds a session: its own options, or, behind a proxy that takes none, the server's defaults."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from chalicelib.migrations.run import upgrade
from chalicelib.stores.connection import SESSION_OPTIONS
from chalicelib.stores.postgres import Database


def ensure_default(url: str, name: str, value: str) -> None:
    """What a parameter group does in RDS."""
    database = sql.Identifier(url.rpartition("/")[2])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} SET {} = {}").format(database, sql.Identifier(name), value))


def shown(url: str, name: str) -> str:
    database = Database(url)
    try:
        with database.session() as connection:
            (value,) = connection.execute("SELECT current_setting(%s)", [name]).fetchone() or ("",)
        return str(value)
    finally:
        database.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [("statement_timeout", "10s"), ("idle_in_transaction_session_timeout", "15s"), ("timezone", "UTC")],
)
def test_a_session_bounds_itself_whatever_the_server_says(migrated_url: str, name: str, value: str) -> None:
    assert name in SESSION_OPTIONS
    ensure_default(migrated_url, name, "Asia/Tokyo" if name == "timezone" else "77s")
    assert shown(migrated_url, name) == value


def test_with_empty_options_in_the_url_the_server_bounds_it(migrated_url: str) -> None:
    ensure_default(migrated_url, "statement_timeout", "77s")
    assert shown(f"{migrated_url}?options=", "statement_timeout") == "77s"


def test_options_of_the_url_are_kept(migrated_url: str) -> None:
    assert shown(f"{migrated_url}?options=-c%20statement_timeout%3D55s", "statement_timeout") == "55s"


def test_a_migration_takes_its_time_where_the_server_bounds_statements(migrated_url: str) -> None:
    ensure_default(migrated_url, "statement_timeout", "200ms")
    with psycopg.connect(migrated_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SET LOCAL statement_timeout = 0")
        other.execute("SELECT pg_advisory_xact_lock(hashtext('carillon.migrate'))")
        migration = pool.submit(upgrade, "users", migrated_url)
        other.execute("SELECT pg_sleep(0.6)")  # longer than any statement may take
        other.rollback()
        migration.result(timeout=30)
