"""A purge dies before any of its statements: what it had begun is undone or done, and the next run ends the same."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from chalicelib.domain.identity import moment_of
from chalicelib.domain.notification import Status
from chalicelib.domain.retention import Horizons, Month, Table
from chalicelib.stores.postgres import Database
from tests.aging import RETENTION_DAYS, Attic, Past
from tests.e2e.waiting import eventually
from tests.fakes_core import Died

SENT, FAILED = Status.SENT, Status.FAILED
MOST_STATEMENTS = 200


class MortalConnection:
    """Runs so many statements, and dies before the next: the server sees the line go dead. One statement that is run
    again and again at a stretch counts once.
    """

    def __init__(self, connection: psycopg.Connection, life: "Life") -> None:
        self._connection = connection
        self._life = life

    def execute(self, statement: Any, parameters: Any = None) -> psycopg.Cursor:  # Any: as psycopg has them
        if not self._life.goes_on(str(statement)):
            self._connection.close()
            raise Died
        return self._connection.execute(statement, parameters)

    def cursor(self, **options: Any) -> Any:  # Any: as above
        if not self._life.goes_on("cursor"):
            self._connection.close()
            raise Died
        return self._connection.cursor(**options)

    def __getattr__(self, name: str) -> Any:  # Any: whatever a connection has
        return getattr(self._connection, name)


class Life:
    """How many statements a process may still run."""

    def __init__(self, statements: int) -> None:
        self._left = statements
        self._last = ""

    def goes_on(self, statement: str) -> bool:
        self._left -= statement != self._last
        self._last = statement
        return self._left >= 0


class MortalDatabase(Database):
    """A database whose user dies."""

    def __init__(self, url: str, statements: int) -> None:
        super().__init__(url)
        self._life = Life(statements)

    @contextlib.contextmanager
    def session(self) -> Iterator[Any]:  # Any: a connection as far as it is used
        with super().session() as connection:
            yield MortalConnection(connection, self._life)


@pytest.fixture
def attic(database: Database) -> Attic:
    return Attic(database)


def fill(attic: Attic) -> None:
    """Something for every step: a month that goes whole, one that keeps a row, and what lies in no month."""
    for table in Table:
        attic.partitions.add(table, Month.of(attic.ago(125)))
    attic.record(125, Past(FAILED, 125))
    attic.record(100, Past(FAILED, 99), Past(SENT, 99))
    attic.record(100, Past(Status.DEFERRED, 99), Past(FAILED, 99))
    attic.record(500, Past(FAILED, 500))


def empty(attic: Attic) -> None:
    with attic.database.session() as connection:
        for table in (*Table, "failed"):
            connection.execute(f"DELETE FROM notifications.{table}".encode())


def assert_nothing_is_halved(attic: Attic) -> None:
    """Whatever has a row of its own has all its rows; but a month may have gone, and some of its tables not yet."""
    left = attic.left()
    horizons = Horizons.at(attic.at, retention_days=RETENTION_DAYS)
    halved = (left["deliveries"] | left["events"]) - left["notifications"]
    assert all(horizons.passed(Month.of(moment_of(one))) for one in halved)
    assert left["notifications"] <= left["deliveries"] & left["events"]


def others(attic: Attic) -> Sequence[object]:
    """Whom the server has not yet seen to be dead: what they had not committed is not undone yet."""
    with attic.database.session() as connection:
        return connection.execute(
            "SELECT pid, query FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ).fetchall()


def what_is_left(attic: Attic) -> object:
    return attic.rows(), attic.partitions.find()


def test_wherever_it_dies_the_next_run_ends_the_same(attic: Attic, migrated_url: str) -> None:
    fill(attic)
    attic.purge()
    expected = what_is_left(attic)
    assert attic.rows() == {"notifications": 1, "deliveries": 2, "events": 2, "failed": 1}
    for statements in range(MOST_STATEMENTS):
        empty(attic)
        fill(attic)
        mortal = MortalDatabase(migrated_url, statements)
        died = True
        with contextlib.suppress(Died):
            attic.purge(database=mortal)
            died = False
        mortal.close()
        eventually(lambda: not others(attic), within_s=30, otherwise=lambda: others(attic))
        assert_nothing_is_halved(attic)
        attic.purge()
        assert what_is_left(attic) == expected
        if not died:
            return
    pytest.fail("it ran more statements than were foreseen")
