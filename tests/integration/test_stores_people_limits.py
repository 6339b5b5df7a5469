"""The bounds of people in PostgreSQL, when many come at once."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest

from chalicelib.domain.user import MAX_DEVICES, User
from chalicelib.errors import Conflict
from chalicelib.stores.devices import DeviceStore
from chalicelib.stores.erasures import ErasureStore
from chalicelib.stores.people import PeopleStore
from chalicelib.stores.postgres import Database
from chalicelib.stores.users import UserStore
from tests.contract_people import PeopleStores, a_device, a_user, an_audit, insert, register, update
from tests.contract_people_limits import PeopleLimitsContract, made_admin
from tests.integration.conftest import AT_ONCE

ROUNDS = 50


def stores_on(database: Database) -> PeopleStores:
    return PeopleStores(
        users=UserStore(database=database),
        devices=DeviceStore(database=database),
        people=PeopleStore(database=database),
    )


@pytest.fixture
def stores(databases: Sequence[Database]) -> PeopleStores:
    return stores_on(databases[0])


class TestLimitsInPostgreSQL(PeopleLimitsContract):
    """The contract, kept by the real stores."""


def at_once(*attempts: Callable[[], object]) -> Counter[str]:
    """How often each outcome came when all were begun together."""
    start = threading.Barrier(len(attempts))

    def outcome(attempt: Callable[[], object]) -> str:
        start.wait(timeout=30)
        try:
            attempt()
        except Conflict as refused:
            return refused.problem_code
        return "done"

    with ThreadPoolExecutor(len(attempts)) as pool:
        return Counter(pool.map(outcome, attempts))


def test_of_many_devices_registered_at_once_as_many_are_stored_as_there_is_room_for(
    databases: Sequence[Database], people_url: str
) -> None:
    every = [stores_on(database) for database in databases]
    for turn in range(ROUNDS):
        user = insert(every[0], a_user(f"ada-{turn}@example.com"))
        _give_devices(people_url, user, MAX_DEVICES - 3)
        devices = [a_device(user, f"phone {turn} {number}") for number in range(AT_ONCE)]
        outcomes = at_once(*map(partial(partial, register), every, devices))
        assert outcomes == {"done": 3, "too_many_devices": AT_ONCE - 3}
        assert len(every[0].devices.newest(user.id, before=None, limit=MAX_DEVICES + 9)) == MAX_DEVICES


def _give_devices(url: str, user: User, count: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO users.devices (id, user_id, token, platform) "
            "SELECT gen_random_uuid(), %(id)s, gen_random_uuid()::text, 'ios' FROM generate_series(1, %(count)s)",
            {"id": user.id, "count": count},
        )


def test_two_people_who_take_each_others_device_at_once_both_have_one(databases: Sequence[Database]) -> None:
    first, second = stores_on(databases[0]), stores_on(databases[1])
    ada, grace = insert(first, a_user()), insert(first, a_user("grace@example.com"))
    for _ in range(ROUNDS):
        register(first, a_device(ada, "of Ada"))
        register(first, a_device(grace, "of Grace"))
        outcomes = at_once(
            lambda: register(first, a_device(grace, "of Ada")), lambda: register(second, a_device(ada, "of Grace"))
        )
        assert outcomes == {"done": 2}
        (of_ada,) = first.devices.newest(ada.id, before=None, limit=9)
        assert of_ada.token == "of Grace"


def test_of_two_administrators_who_demote_each_other_at_once_one_stays(databases: Sequence[Database]) -> None:
    first, second = stores_on(databases[0]), stores_on(databases[1])
    ada = insert(first, a_user(is_admin=True))
    grace = insert(first, a_user("grace@example.com", is_admin=True))
    for _ in range(ROUNDS):
        outcomes = at_once(
            lambda: update(first, grace, made_admin(False), by_admin=True),
            lambda: update(second, ada, made_admin(False), by_admin=True),
        )
        assert outcomes == {"done": 1, "last_administrator": 1}
        for user in (ada, grace):
            update(first, user, made_admin(True), by_admin=True)


def test_of_two_administrators_one_erased_and_one_demoted_at_once_one_stays(databases: Sequence[Database]) -> None:
    stores, erasures = stores_on(databases[0]), ErasureStore(database=databases[1])
    ada = insert(stores, a_user(is_admin=True))
    for turn in range(ROUNDS):
        grace = insert(stores, a_user(f"grace-{turn}@example.com", is_admin=True))
        outcomes = at_once(
            lambda: update(stores, ada, made_admin(False), by_admin=True),
            partial(erasures.begin, grace.id, if_match=None, may_erase_admins=True, audit=an_audit("user.erased")),
        )
        assert outcomes == {"done": 1, "last_administrator": 1}
        update(stores, ada, made_admin(True), by_admin=True)
        if stores.users.find(grace.id) is not None:
            update(stores, grace, made_admin(False), by_admin=True)


def test_the_last_administrator_is_not_erased(databases: Sequence[Database]) -> None:
    stores, erasures = stores_on(databases[0]), ErasureStore(database=databases[0])
    root = insert(stores, a_user(is_admin=True))
    with pytest.raises(Conflict) as refused:
        erasures.begin(root.id, if_match=None, may_erase_admins=True, audit=an_audit("user.erased"))
    assert refused.value.problem_code == "last_administrator"
    assert stores.users.find(root.id) == root
    assert erasures.take_pending(limit=9) == []


@pytest.mark.parametrize("password_hash", [None, "set by the administrator"])
def test_a_password_from_before_is_not_an_administrators(
    stores: PeopleStores, people_url: str, password_hash: str | None
) -> None:
    user = insert(stores, a_user(password_hash="planted"))
    update(stores, user, made_admin(True, password_hash=password_hash), by_admin=True)
    with psycopg.connect(people_url) as connection:
        hashes = connection.execute("SELECT password_hash FROM users.users").fetchall()
    assert hashes == [(password_hash,)]
    update(stores, user, made_admin(True), by_admin=True)
    with psycopg.connect(people_url) as connection:
        assert connection.execute("SELECT password_hash FROM users.users").fetchall() == hashes
