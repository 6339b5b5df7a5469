"""A migrated database for each test, copied from one that was migrated once."""

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from chalicelib.migrations.run import upgrade
from chalicelib.stores.postgres import Database
from tests.machine import Machine


@pytest.fixture(scope="session")
def migrated_template(database_url: str) -> Iterator[str]:
    """The name of a database with all three stores, to be copied and never used itself."""
    name = f"migrated_{secrets.token_hex(6)}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    for store in ("users", "templates", "notifications"):
        upgrade(store, f"{database_url.rpartition('/')[0]}/{name}")
    yield name
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def migrated_url(database_url: str, migrated_template: str) -> Iterator[str]:
    """The URL of a migrated database of its own."""
    name = f"machine_{secrets.token_hex(6)}"
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(migrated_template))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(copy)
        try:
            yield f"{database_url.rpartition('/')[0]}/{name}"
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url)
    try:
        yield database
    finally:
        database.close()


@pytest.fixture
def machine(database: Database) -> Machine:
    """The delivery state machine over the real stores, with a courier and a provider that remember."""
    return Machine(database)
