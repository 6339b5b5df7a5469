"""What a session on the real PostgreSQL does when the connection, or the server, turns out to be of no use."""

import psycopg
import pytest

from chalicelib.errors import DatabaseUnavailable
from chalicelib.stores.postgres import Database


def backend_of(database: Database) -> int:
    with database.session() as connection:
        return connection.info.backend_pid


def test_a_connection_is_kept(database: Database) -> None:
    assert backend_of(database) == backend_of(database)


def test_a_connection_that_was_ended_while_it_lay_idle_is_replaced_unnoticed(
    database: Database, migrated_url: str
) -> None:
    former = backend_of(database)
    with psycopg.connect(migrated_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [former])
    assert backend_of(database) != former


def test_a_primary_that_became_a_standby_is_left(database: Database) -> None:
    former = backend_of(database)
    with database.session() as connection:
        connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    with pytest.raises(DatabaseUnavailable), database.session() as connection:
        connection.execute("DELETE FROM notifications.idempotency_keys")
    with database.session() as connection:
        connection.execute("DELETE FROM notifications.idempotency_keys")
        assert connection.info.backend_pid != former


def test_a_statement_that_takes_too_long_is_a_database_that_is_away(database: Database) -> None:
    with database.session() as connection:
        connection.execute("SET statement_timeout = '50ms'")
    with pytest.raises(DatabaseUnavailable), database.session() as connection:
        connection.execute("SELECT pg_sleep(10)")
    with database.session() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def fall_asleep_in_a_transaction(database: Database, url: str) -> None:
    with database.session() as connection, connection.transaction():
        connection.execute("INSERT INTO notifications.lanes VALUES ('email', now())")
        with psycopg.connect(url) as other:
            other.execute("SELECT pg_sleep(0.2)")
        connection.execute("SELECT 1")


def test_a_transaction_that_was_left_lying_is_undone_and_said_to_be(database: Database, migrated_url: str) -> None:
    with database.session() as connection:
        connection.execute("SET idle_in_transaction_session_timeout = '50ms'")
    with pytest.raises(DatabaseUnavailable):
        fall_asleep_in_a_transaction(database, migrated_url)
    with database.session() as connection:
        assert connection.execute("SELECT count(*) FROM notifications.lanes").fetchone() == (0,)


def test_an_error_of_a_statement_keeps_its_name_and_its_connection(database: Database) -> None:
    former = backend_of(database)
    with pytest.raises(psycopg.errors.UndefinedTable), database.session() as connection:
        connection.execute("SELECT 1 FROM nowhere")
    assert backend_of(database) == former


def test_a_server_that_is_not_there_is_named_as_that() -> None:
    with pytest.raises(DatabaseUnavailable), Database("postgresql://127.0.0.1:1/nothing").session():
        pass
