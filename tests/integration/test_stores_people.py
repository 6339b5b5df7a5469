"""The real stores of people, devices and clients."""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from chalicelib.domain.client import ApiClient
from chalicelib.domain.identity import new_id
from chalicelib.domain.principal import Scope
from chalicelib.errors import Conflict, DatabaseUnavailable, PreconditionFailed
from chalicelib.stores.clients import ClientStore
from chalicelib.stores.devices import DeviceStore
from chalicelib.stores.founders import FounderStore
from chalicelib.stores.people import PeopleStore
from chalicelib.stores.postgres import Database
from chalicelib.stores.users import _NEWEST, UserStore
from tests.contract_people import (
    PeopleContract,
    PeopleStores,
    a_device,
    a_user,
    an_audit,
    delete,
    insert,
    renamed,
    update,
)
from tests.integration.conftest import AT_ONCE


@pytest.fixture
def database(people_url: str) -> Iterator[Database]:
    database = Database(people_url)
    yield database
    database.close()


@pytest.fixture
def stores(database: Database) -> PeopleStores:
    return PeopleStores(
        users=UserStore(database=database),
        devices=DeviceStore(database=database),
        people=PeopleStore(database=database),
    )


class TestPeopleInPostgreSQL(PeopleContract):
    """The contract, kept by the real stores."""


def test_a_password_is_kept_as_its_digest(stores: PeopleStores, people_url: str) -> None:
    insert(stores, a_user(password_hash="$2b$12$digest"))
    with psycopg.connect(people_url) as connection:
        assert connection.execute("SELECT password_hash, is_admin FROM users.users").fetchall() == [
            ("$2b$12$digest", False)
        ]


def test_of_many_who_take_one_address_at_once_one_has_it(databases: Sequence[Database]) -> None:
    start = threading.Barrier(AT_ONCE)

    def take(database: Database) -> str:
        start.wait(timeout=30)
        try:
            return str(UserStore(database=database).insert(a_user(), audit=an_audit()).id)
        except Conflict as refused:
            return refused.problem_code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(take, databases))
    assert outcomes.count("email_taken") == AT_ONCE - 1


def test_of_many_who_change_one_revision_at_once_one_does(
    stores: PeopleStores, databases: Sequence[Database], people_url: str
) -> None:
    user = insert(stores, a_user())
    start = threading.Barrier(AT_ONCE)

    def change(number: int) -> str:
        own = replace(stores, users=UserStore(database=databases[number]))
        start.wait(timeout=30)
        try:
            return update(own, user, renamed(f"Ada {number}"), if_match={1}).name
        except PreconditionFailed:
            return "stale"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(change, range(AT_ONCE)))
    (name,) = (outcome for outcome in outcomes if outcome != "stale")
    changed = stores.users.find(user.id)
    assert changed is not None
    assert (changed.name, changed.revision) == (name, 2)
    with psycopg.connect(people_url) as connection:
        audits = connection.execute("SELECT count(*) FROM users.audit WHERE action = 'user.updated'").fetchall()
    assert audits == [(1,)]


def test_a_change_that_is_refused_leaves_no_audit_entry(stores: PeopleStores, people_url: str) -> None:
    user = insert(stores, a_user())
    with pytest.raises(PreconditionFailed):
        update(stores, user, renamed("Eve"), if_match={2})
    with pytest.raises(Conflict):
        insert(stores, a_user())
    assert delete(stores, user.id, user.id) is None
    with psycopg.connect(people_url) as connection:
        assert connection.execute("SELECT action FROM users.audit").fetchall() == [("user.created",)]


def test_a_filter_is_answered_from_its_index(database: Database) -> None:
    with database.session() as connection:
        connection.execute(
            "INSERT INTO users.users (id, email, email_key, name, timezone, external_id) "
            "SELECT gen_random_uuid(), n, n, 'x', 'UTC', n FROM (SELECT 'u' || g AS n FROM generate_series(1, 5000) g)"
        )
        connection.execute("ANALYZE users.users")
        for named, index in (({"email_key": "u7"}, "email_key"), ({"external_id": "u7"}, "external_id"), ({}, "pkey")):
            parameters = {"email_key": None, "external_id": None, "before": None, "limit": 51} | named
            plan = connection.execute(f"EXPLAIN {_NEWEST}", parameters).fetchall()
            assert index in str(plan), plan


def test_of_many_who_register_one_device_at_once_one_has_it(
    stores: PeopleStores, databases: Sequence[Database]
) -> None:
    users = [insert(stores, a_user(f"user-{number}@example.com")) for number in range(AT_ONCE)]
    start = threading.Barrier(AT_ONCE)

    def register(number: int) -> None:
        start.wait(timeout=30)
        DeviceStore(database=databases[number]).register(
            a_device(users[number], "one phone"), audit=lambda *_: an_audit("device.registered")
        )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(register, range(AT_ONCE)))
    owned = [stores.devices.newest(user.id, before=None, limit=9) for user in users]
    assert sum(map(len, owned)) == 1


def test_a_client_is_found_with_its_scopes_until_it_is_revoked(database: Database, people_url: str) -> None:
    digest = hashlib.sha256(b"secret").digest()
    client = ApiClient("billing", "Billing", frozenset({Scope.NOTIFICATIONS_SEND, Scope.USERS_READ}), digest)
    FounderStore(database=database).add_client(client, audit=an_audit("client.created"))
    clients = ClientStore(database=database)
    assert clients.find("billing") == client
    assert clients.find("Billing") is None
    with psycopg.connect(people_url) as connection:
        connection.execute("UPDATE users.clients SET revoked_at = now()")
    assert clients.find("billing") is None


def test_without_postgresql_every_method_says_that_it_is_away() -> None:
    nowhere = Database("postgresql://carillon@127.0.0.1:1/carillon")
    somebody = new_id(datetime.now(UTC))
    for attempt in (
        lambda: UserStore(database=nowhere).insert(a_user(), audit=an_audit()),
        lambda: ClientStore(database=nowhere).find("billing"),
        lambda: DeviceStore(database=nowhere).newest(somebody, before=None, limit=1),
        lambda: PeopleStore(database=nowhere).find_person(somebody),
    ):
        with pytest.raises(DatabaseUnavailable):
            attempt()
