"""API clients, accounts and founders in the real PostgreSQL."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from chalicelib.domain.account import Account
from chalicelib.domain.audit import Actor, new_audit
from chalicelib.domain.client import digest_secret
from chalicelib.domain.identity import new_id
from chalicelib.domain.principal import Scope
from chalicelib.errors import DatabaseUnavailable
from chalicelib.migrations.run import upgrade
from chalicelib.services.establish import Established, FirstAdmin, FirstClient, establish
from chalicelib.stores.accounts import AccountStore
from chalicelib.stores.clients import ClientStore
from chalicelib.stores.founders import FounderStore
from chalicelib.stores.postgres import Database
from tests.contract_clients import ClientsContract, Subject

BY = Actor("function:migrate", "correlation-1")
ADMIN = FirstAdmin("Root@Example.com", "battery staple")
CLIENT = FirstClient("local", "Local", frozenset({Scope.ADMIN}), "a secret of random bits")


@pytest.fixture
def users_url(fresh_database: str) -> str:
    upgrade("users", fresh_database)
    return fresh_database


@pytest.fixture
def database(users_url: str) -> Iterator[Database]:
    database = Database(users_url)
    yield database
    database.close()


@pytest.fixture
def subject(database: Database, users_url: str) -> Subject:
    def run(statement: str) -> list[tuple[str, ...]]:
        with psycopg.connect(users_url) as connection:
            done = connection.execute(statement)
            return [] if done.description is None else list(done)

    def audits() -> Sequence[tuple[str, str]]:
        return [
            (str(action), str(target)) for action, target in run("SELECT action, target FROM users.audit ORDER BY id")
        ]

    def let_pass(seconds: int) -> None:
        """PostgreSQL has no clock to turn: what is to end ends that much earlier."""
        run(f"UPDATE users.clients SET previous_expires_at = previous_expires_at - interval '{seconds} s'")

    return Subject(ClientStore(database=database), audits, let_pass)


class TestClientsInPostgreSQL(ClientsContract):
    """The contract, kept by the real store."""


def test_a_change_whose_audit_entry_cannot_be_written_did_not_happen(database: Database, users_url: str) -> None:
    store = ClientStore(database=database)
    client = Subject(store, list, lambda _: None).add()
    with psycopg.connect(users_url) as connection:
        connection.execute("ALTER TABLE users.audit ADD CONSTRAINT nothing_more CHECK (false) NOT VALID")
    entry = new_audit(BY, "client.revoked", f"client:{client.id}", at=datetime.now(UTC))
    with pytest.raises(psycopg.errors.CheckViolation):
        store.revoke(client.id, audit=entry)
    with pytest.raises(psycopg.errors.CheckViolation):
        store.rotate(client.id, secret_hash=digest_secret("second"), audit=entry)
    found = store.find(client.id)
    assert found is not None
    assert found.has_secret("first")
    assert not found.has_secret("second")


def test_of_many_secrets_at_once_the_last_two_are_good(users_url: str, database: Database) -> None:
    client = Subject(ClientStore(database=database), list, lambda _: None).add()

    def rotate(number: int) -> None:
        own = Database(users_url)
        entry = new_audit(BY, "client.rotated", f"client:{client.id}", at=datetime.now(UTC))
        ClientStore(database=own).rotate(client.id, secret_hash=digest_secret(str(number)), audit=entry)
        own.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(rotate, range(8)))
    found = ClientStore(database=database).find(client.id)
    assert found is not None
    assert sum(found.has_secret(str(number)) for number in range(8)) == 2


def test_clients_of_before_have_their_place_in_the_list_by_their_age(fresh_database: str) -> None:
    upgrade("users", fresh_database)
    with psycopg.connect(fresh_database) as connection:
        for number in range(3):
            connection.execute(
                "INSERT INTO users.clients (id, name, scopes, secret_hash) VALUES (%s, 'x', '{admin}', '')",
                [str(number)],
            )
            connection.commit()
        moment = datetime(2026, 11, 22, 12, 0, 0, 123000, tzinfo=UTC)
        key = connection.execute("SELECT users.key_of(%s)", [moment]).fetchone()
    assert key is not None
    assert (key[0].version, key[0].variant) == (7, "specified in RFC 4122")
    assert key[0].int >> 80 == int(moment.timestamp() * 1000)
    database = Database(fresh_database)
    listed = ClientStore(database=database).newest(before=None, limit=9)
    database.close()
    assert {client.id for client in listed} == {"0", "1", "2"}
    assert [client.key for client in listed] == sorted((client.key for client in listed), reverse=True)
    made_at = datetime.fromtimestamp((listed[0].key.int >> 80) / 1000, UTC)
    assert abs(made_at - listed[0].created_at) < timedelta(seconds=5)


def establishing(database: Database, admin: FirstAdmin | None, client: FirstClient | None) -> Established:
    return establish(
        admin=admin,
        client=client,
        by=BY,
        founders=FounderStore(database=database),
        hash_password=lambda password: f"digest of {password}",
        clock=lambda: datetime.now(UTC),
    )


def test_the_first_administrator_and_client_are_added_once_and_audited(database: Database, users_url: str) -> None:
    assert establishing(database, None, None) == Established(admin=None, client=None)
    assert establishing(database, ADMIN, CLIENT) == Established(admin=True, client=True)
    again = FirstAdmin("ROOT@example.com", "another password")
    assert establishing(database, again, CLIENT) == Established(admin=False, client=False)
    account = AccountStore(database=database).find_by_email("root@example.com")
    assert account is not None
    assert account.is_admin
    assert account.password_hash == "digest of battery staple"
    with psycopg.connect(users_url) as connection:
        entries = connection.execute("SELECT actor, action, target FROM users.audit ORDER BY action").fetchall()
    assert entries == [
        ("function:migrate", "client.created", "client:local"),
        ("function:migrate", "user.created", f"user:{account.user_id}"),
    ]


def test_the_first_administrator_takes_nobodys_place(database: Database, users_url: str) -> None:
    somebody = new_id(datetime.now(UTC))
    with psycopg.connect(users_url) as connection:
        connection.execute(
            "INSERT INTO users.users (id, email, email_key, name, timezone) VALUES (%s, %s, %s, 'Root', 'UTC')",
            [somebody, "root@example.com", "root@example.com"],
        )
    assert establishing(database, ADMIN, None) == Established(admin=False, client=None)
    accounts = AccountStore(database=database)
    assert accounts.find_by_email("root@example.com") == accounts.find(somebody) == Account(somebody, None)
    assert accounts.find(new_id(datetime.now(UTC))) is None


def test_without_postgresql_it_says_that_it_is_away() -> None:
    nowhere = Database("postgresql://carillon@127.0.0.1:1/carillon")
    for attempt in (
        lambda: ClientStore(database=nowhere).find_state("billing"),
        lambda: ClientStore(database=nowhere).newest(before=None, limit=1),
        lambda: AccountStore(database=nowhere).find_by_email("ada@example.com"),
        lambda: establishing(nowhere, ADMIN, None),
    ):
        with pytest.raises(DatabaseUnavailable):
            attempt()
