"""The circuit before a real PostgreSQL: what counts, how soon a frozen server is given up, and who passes anyway."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from chalicelib.domain.circuit import CircuitRules, CircuitState
from chalicelib.errors import DatabaseUnavailable
from chalicelib.services.breaker import CircuitBreaker, LocalCircuits, SharedCircuits
from chalicelib.stores.pings import ping_databases
from chalicelib.stores.postgres import Database
from offline.services import kernel
from tests.e2e.waiting import eventually
from tests.machine import SilentLog
from tests.tcp_relay import TcpRelay

NAME = "postgresql"
ANSWER_TIMEOUT_S = 0.5
RULES = CircuitRules(failure_threshold=2, open_s=1, probe_s=10)


class Guarded:
    """A database behind a circuit of its own."""

    def __init__(self, url: str) -> None:
        local = LocalCircuits(rules=RULES, monotonic_s=time.monotonic)
        self.circuits = SharedCircuits(shared=local, alone=LocalCircuits(rules=RULES, monotonic_s=time.monotonic))
        breaker = CircuitBreaker(NAME, circuits=self.circuits, log=SilentLog(), monotonic_s=time.monotonic)
        self.database = Database(url, breaker=breaker, answer_timeout_s=ANSWER_TIMEOUT_S)

    @property
    def state(self) -> CircuitState:
        return self.circuits.look(NAME).circuit.state

    def ask(self) -> int:
        with self.database.session() as connection:
            return connection.info.backend_pid if connection.execute("SELECT 1").fetchone() else 0

    def is_refused(self) -> float:
        """How long the refusal took."""
        began_s = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            self.ask()
        return time.monotonic() - began_s


@pytest.fixture
def relay(migrated_url: str) -> Iterator[TcpRelay]:
    with TcpRelay(migrated_url) as relay:
        yield relay


@pytest.fixture
def guarded(relay: TcpRelay) -> Iterator[Guarded]:
    guarded = Guarded(relay.url)
    yield guarded
    guarded.database.close()


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def write_while_it_freezes(database: Database, backend: int) -> None:
    with database.session() as connection, connection.transaction():
        connection.execute("INSERT INTO notifications.lanes VALUES ('email', now())")
        with frozen(backend):
            connection.execute("SELECT 1")


def take_too_long(database: Database) -> None:
    with database.session() as connection:
        connection.execute("SET statement_timeout = '20ms'")
        connection.execute("SELECT pg_sleep(10)")


def test_a_frozen_server_is_given_up_in_its_time_and_then_left_alone(migrated_url: str) -> None:
    guarded = Guarded(migrated_url)
    backend = guarded.ask()
    process = kernel.look(backend)
    assert process is not None
    with frozen(process.parent, backend):
        assert ANSWER_TIMEOUT_S <= guarded.is_refused() < ANSWER_TIMEOUT_S + 1
        assert guarded.is_refused() < 5
        assert guarded.state is CircuitState.OPEN
        assert max(guarded.is_refused() for _ in range(20)) < 0.1
    with guarded.database.regardless().session() as connection:
        connection.execute("SELECT 1")
    guarded.database.close()


def test_a_transaction_on_a_server_that_froze_ends_in_time_and_is_undone(migrated_url: str) -> None:
    guarded = Guarded(migrated_url)
    backend = guarded.ask()
    began_s = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        write_while_it_freezes(guarded.database, backend)
    assert time.monotonic() - began_s < ANSWER_TIMEOUT_S + 1
    with guarded.database.session() as connection:
        assert connection.execute("SELECT count(*) FROM notifications.lanes").fetchone() == (0,)
    guarded.database.close()


def test_after_the_failures_it_refuses_at_once_and_says_for_how_long(guarded: Guarded, relay: TcpRelay) -> None:
    guarded.ask()
    relay.cut()
    for _ in range(RULES.failure_threshold):
        guarded.is_refused()
    assert guarded.state is CircuitState.OPEN
    with pytest.raises(DatabaseUnavailable) as refused:
        guarded.ask()
    assert refused.value.retry_after_s == 1


def test_what_is_wrong_with_a_statement_is_not_held_against_the_server(guarded: Guarded) -> None:
    for statement in ("SELECT 1 FROM nowhere", "SELECT 1/0", "SELECT 'x'::int") * 2:
        with pytest.raises(psycopg.Error), guarded.database.session() as connection:
            connection.execute(statement)
    for _ in range(5):
        with pytest.raises(DatabaseUnavailable):
            take_too_long(guarded.database)
    assert guarded.state is CircuitState.CLOSED
    guarded.ask()


def test_who_must_ask_passes_an_open_circuit_and_leaves_it_open(guarded: Guarded, relay: TcpRelay) -> None:
    relay.cut()
    for _ in range(RULES.failure_threshold):
        guarded.is_refused()
    relay.restore()
    with guarded.database.regardless().session() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert guarded.state is CircuitState.OPEN
    guarded.is_refused()


def test_the_ping_of_a_health_check_passes_and_is_the_probe_when_one_is_due(guarded: Guarded, relay: TcpRelay) -> None:
    relay.cut()
    for _ in range(RULES.failure_threshold):
        guarded.is_refused()
    with pytest.raises(DatabaseUnavailable):
        ping_databases([guarded.database])
    relay.restore()
    ping_databases([guarded.database])
    assert guarded.state is CircuitState.OPEN
    eventually(lambda: closed_by_a_ping(guarded), within_s=5, otherwise=lambda: guarded.state)


def closed_by_a_ping(guarded: Guarded) -> bool:
    ping_databases([guarded.database])
    return guarded.state is CircuitState.CLOSED
