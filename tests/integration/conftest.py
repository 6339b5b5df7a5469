"""The servers' addresses, and a part of each server that one test has for itself."""

import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import redis
from psycopg import sql

from chalicelib.migrations.run import upgrade
from chalicelib.stores.postgres import Database
from offline.services.management import ask
from offline.services.private import Endpoint
from tests.integration.emulator.workbench import Journal, TestQueue, open_queue

AT_ONCE = 8


@pytest.fixture(scope="session")
def database_url(servers: dict[str, Endpoint]) -> str:
    """A database of the real PostgreSQL, for administration: a test takes `fresh_database`."""
    return servers["postgresql"].url


@pytest.fixture(scope="session")
def redis_url(servers: dict[str, Endpoint]) -> str:
    """The real Valkey."""
    return servers["valkey"].url


@pytest.fixture(scope="session")
def rabbitmq_url(servers: dict[str, Endpoint]) -> str:
    """The default virtual host of the real RabbitMQ."""
    return servers["rabbitmq"].url


@pytest.fixture(scope="session")
def rabbitmq_management_url(servers: dict[str, Endpoint]) -> str:
    """RabbitMQ's management API, with user and password."""
    url = servers["rabbitmq"].management_url
    assert url is not None
    return url


@contextmanager
def empty_database(database_url: str) -> Iterator[str]:
    """The URL of an empty database of its own, dropped afterwards with whatever is still connected."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield f"{database_url.rpartition('/')[0]}/{name}"
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def fresh_database(database_url: str) -> Iterator[str]:
    """The URL of an empty database that one test has for itself."""
    with empty_database(database_url) as url:
        yield url


@contextmanager
def empty_vhost(rabbitmq_url: str, rabbitmq_management_url: str) -> Iterator[str]:
    """The AMQP URL of an empty virtual host of its own, deleted afterwards."""
    name = f"test-{secrets.token_hex(6)}"
    ask(rabbitmq_management_url, f"/api/vhosts/{quote(name)}", method="PUT")
    try:
        yield f"{rabbitmq_url.rpartition('/')[0]}/{name}"
    finally:
        ask(rabbitmq_management_url, f"/api/vhosts/{quote(name)}", method="DELETE")


@pytest.fixture
def fresh_vhost(rabbitmq_url: str, rabbitmq_management_url: str) -> Iterator[str]:
    """The AMQP URL of an empty virtual host that one test has for itself."""
    with empty_vhost(rabbitmq_url, rabbitmq_management_url) as url:
        yield url


@pytest.fixture
def fresh_redis(redis_url: str) -> Iterator[str]:
    """The URL of an empty database of the Valkey, emptied again afterwards. The whole stack uses another one."""
    url = f"{redis_url.rpartition('/')[0]}/1"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        try:
            yield url
        finally:
            client.flushdb()


@pytest.fixture
def people_url(fresh_database: str) -> str:
    """A fresh database with the tables of people."""
    upgrade("users", fresh_database)
    return fresh_database


@pytest.fixture
def databases(people_url: str) -> Iterator[Sequence[Database]]:
    """One connection for each of those who come at once."""
    databases = [Database(people_url) for _ in range(AT_ONCE)]
    yield databases
    for database in databases:
        database.close()


@pytest.fixture
def journal() -> Iterator[Journal]:
    """In a short path, as socket addresses have at most 108 characters."""
    with tempfile.TemporaryDirectory(prefix="journal-") as folder:
        journal = Journal(Path(folder) / "journal")
        yield journal
        journal.close()


@pytest.fixture
def source(rabbitmq_url: str) -> Iterator[TestQueue]:
    """An empty queue on the real broker."""
    with open_queue(rabbitmq_url) as queue:
        yield queue
