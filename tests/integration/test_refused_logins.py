"""A password that was rotated under our feet: who is refused says so, and PostgreSQL's successor is taken at once."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg import sql

from chalicelib.broker.gauge import QueueGauge
from chalicelib.broker.publisher import Publisher
from chalicelib.domain.messages import Dispatch
from chalicelib.errors import BrokerUnavailable, CacheUnavailable, DatabaseUnavailable
from chalicelib.stores.cache import Cache
from chalicelib.stores.postgres import Database
from offline.services.management import ask
from tests.tcp_relay import TcpRelay

OLD, NEW = "the old password", "the new password"


@dataclass
class Doubts:
    count: int = 0

    def __call__(self) -> None:
        self.count += 1


@dataclass
class Successors:
    """What a rotation leaves behind."""

    known: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, url: str) -> str | None:
        self.asked.append(url)
        return self.known.get(url)


@dataclass(frozen=True)
class Role:
    """A user of a real PostgreSQL."""

    name: str
    admin_url: str

    def url(self, password: str) -> str:
        address = urlsplit(self.admin_url)
        return f"postgresql://{self.name}:{quote(password)}@{address.hostname}:{address.port}{address.path}"

    def rotate(self, password: str) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(self.name), password))


@pytest.fixture
def role(fresh_database: str) -> Iterator[Role]:
    role = Role(f"role_{secrets.token_hex(4)}", fresh_database)
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role.name), OLD))
        yield role
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role.name)))


def whoami(database: Database) -> str:
    with database.session() as connection:
        return connection.info.user


def test_a_rotated_password_of_postgresql_costs_no_session(role: Role) -> None:
    successors = Successors({role.url(OLD): role.url(NEW)})
    database = Database(role.url(OLD), successor_of=successors)
    assert whoami(database) == role.name
    role.rotate(NEW)
    assert whoami(database) == role.name, "a connection that stands is not ended by a rotation"
    database.close()
    assert successors.asked == []
    assert whoami(database) == role.name
    assert successors.asked == [role.url(OLD)]
    database.close()


def test_a_refused_password_without_a_successor_is_a_database_that_is_away(role: Role) -> None:
    successors = Successors()
    with pytest.raises(DatabaseUnavailable):
        whoami(Database(role.url(NEW), successor_of=successors))
    assert successors.asked == [role.url(NEW)]


def test_a_server_that_is_not_there_casts_no_doubt_on_a_password() -> None:
    successors = Successors()
    with pytest.raises(DatabaseUnavailable):
        whoami(Database("postgresql://carillon:word@127.0.0.1:1/carillon", successor_of=successors))
    assert successors.asked == []


def test_redis_that_refuses_our_password_casts_doubt_on_it(redis_url: str) -> None:
    doubts, address = Doubts(), urlsplit(redis_url)
    cache = Cache(f"redis://:{quote(NEW)}@{address.hostname}:{address.port}/1", doubt=doubts)
    with pytest.raises(CacheUnavailable), cache.client() as client:
        client.get("anything")
    assert doubts.count == 1
    cache.close()


def test_redis_that_is_away_casts_none() -> None:
    doubts = Doubts()
    cache = Cache("redis://:word@127.0.0.1:1/0", doubt=doubts)
    with pytest.raises(CacheUnavailable), cache.client() as client:
        client.get("anything")
    assert doubts.count == 0
    cache.close()


@pytest.fixture
def refused_url(fresh_vhost: str) -> str:
    """The broker's address with a user whom it does not know."""
    address = urlsplit(fresh_vhost)
    return f"amqp://nobody:{quote(NEW)}@{address.hostname}:{address.port}{address.path}"


def publish(url: str, doubts: Doubts) -> frozenset[int]:
    publisher = Publisher(url, doubt=doubts)
    try:
        return publisher.publish([Dispatch("email", b"{}", "message", "corr")], timeout_s=10)
    finally:
        publisher.close()


def test_a_broker_that_refuses_our_login_casts_doubt_on_it(refused_url: str) -> None:
    doubts = Doubts()
    assert publish(refused_url, doubts) == frozenset()
    assert doubts.count == 1


def test_a_gauge_that_is_refused_casts_doubt_too(refused_url: str) -> None:
    doubts = Doubts()
    with pytest.raises(BrokerUnavailable):
        QueueGauge(refused_url, doubt=doubts).measure(["email.queue"], timeout_s=10)
    assert doubts.count == 1


def test_a_user_whose_password_was_rotated_is_refused_with_the_old_one(
    fresh_vhost: str, rabbitmq_management_url: str
) -> None:
    name = f"user-{secrets.token_hex(4)}"
    address = urlsplit(fresh_vhost)
    vhost = address.path.removeprefix("/")

    def set_password(password: str) -> None:
        ask(rabbitmq_management_url, f"/api/users/{name}", method="PUT", body={"password": password, "tags": ""})

    def url(password: str) -> str:
        return f"amqp://{name}:{quote(password)}@{address.hostname}:{address.port}/{vhost}"

    doubts = Doubts()
    set_password(OLD)
    rights = {"configure": ".*", "write": ".*", "read": ".*"}
    ask(rabbitmq_management_url, f"/api/permissions/{vhost}/{name}", method="PUT", body=rights)
    set_password(NEW)
    publish(url(OLD), doubts)
    assert doubts.count == 1
    publish(url(NEW), doubts)
    assert doubts.count == 1
    ask(rabbitmq_management_url, f"/api/users/{name}", method="DELETE")


def test_a_broker_that_is_away_or_gone_casts_no_doubt(fresh_vhost: str) -> None:
    doubts = Doubts()
    with TcpRelay(fresh_vhost) as relay:
        relay.cut()
        assert publish(relay.url, doubts) == frozenset()
    assert doubts.count == 0
