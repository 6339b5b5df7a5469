"""A PostgreSQL whose disk is full, in both ways that a machine may offer: what writes is told that it is away."""

import contextlib
from collections.abc import Callable, Iterator

import psycopg
import pytest

from chalicelib.errors import DatabaseUnavailable
from chalicelib.stores.postgres import Database
from offline.services.plan import load_plan
from offline.services.postgresql import PostgreSQL
from offline.stack.stack import Stack
from offline.stack.testbed import private_stack
from tests.chaos.full_disk import LimitedFiles, Room, room_of, small_disk
from tests.e2e.waiting import eventually

MOST_WRITES = 5_000
WRITE = "INSERT INTO written SELECT %s, string_agg(md5(random()::text), '') FROM generate_series(1, 200)"


@pytest.fixture(params=["as full as this machine allows", "limited files"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Nothing but a PostgreSQL."""
    way = contextlib.nullcontext if request.param == "limited files" else small_disk
    with private_stack() as stack, way(stack):
        stack.start("postgresql")
        yield stack


@pytest.fixture
def database(stack: Stack) -> Iterator[Database]:
    plan = load_plan(stack.layout.services / "postgresql")
    assert plan is not None
    database = Database(PostgreSQL.check(plan).url)
    with database.session() as connection:
        connection.execute("CREATE TABLE written (number int, filler text)")
    yield database
    database.close()


def test_who_writes_on_a_full_disk_is_told_that_the_database_is_away_and_nothing_is_half_done(
    stack: Stack, database: Database, record_property: Callable[[str, object], None]
) -> None:
    write_twice(database, 0)
    room = room_of(stack)
    room.fill()
    done, refusal = write_until_refused(database)
    record_property("refusal", f"{room.how}: {type(refusal.__cause__).__name__}")
    assert isinstance(refusal.__cause__, psycopg.Error)
    if not isinstance(room, LimitedFiles):
        assert isinstance(refusal.__cause__, psycopg.errors.DiskFull)
        assert numbers(database) == sorted([*range(done), *range(done)])
    with pytest.raises(DatabaseUnavailable):
        write_twice(database, done)
    make_room(stack, room, database)
    found = numbers(database)
    assert found[: 2 * done] == sorted([*range(done), *range(done)])
    assert found[2 * done :] in ([], [done, done]), "a transaction is there in part"
    write_twice(database, done + 1)


@pytest.mark.parametrize("stack", ["as full as this machine allows"], indirect=True)
def test_a_server_on_a_small_disk_that_is_killed_while_it_is_full_comes_back_with_its_data(
    stack: Stack, database: Database
) -> None:
    write_twice(database, 0)
    room = room_of(stack)
    room.fill()
    stack.kill("postgresql")
    make_room(stack, room, database)
    assert numbers(database) == [0, 0]


def make_room(stack: Stack, room: Room, database: Database) -> None:
    room.empty()
    stack.start("postgresql")
    eventually(lambda: is_back(database), within_s=10, otherwise=lambda: "the database is still away")


def write_until_refused(database: Database) -> tuple[int, DatabaseUnavailable]:
    """How many transactions in all were acknowledged, and why the next one was not."""
    for number in range(1, MOST_WRITES):
        try:
            write_twice(database, number)
        except DatabaseUnavailable as refusal:
            return number, refusal
    raise AssertionError("the disk never got full")


def write_twice(database: Database, number: int) -> None:
    with database.session() as connection, connection.transaction():
        connection.execute(WRITE, (number,))
        connection.execute(WRITE, (number,))


def numbers(database: Database) -> list[int]:
    with database.session() as connection:
        rows = connection.execute("SELECT number FROM written ORDER BY number").fetchall()
    return [number for (number,) in rows]


def is_back(database: Database) -> bool:
    try:
        numbers(database)
    except DatabaseUnavailable:
        return False
    return True
