"""Listing and resetting circuits, and what they mean for readiness."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from chalicelib.domain.audit import Actor, NewAudit
from chalicelib.domain.circuit import CircuitRules, CircuitState
from chalicelib.errors import DatabaseUnavailable, NotFound
from chalicelib.services.breaker import CircuitScope, LocalCircuits, SharedCircuits
from chalicelib.services.check_health import Health, RememberedHealth, check_health
from chalicelib.services.list_circuits import CircuitReport, list_circuits
from chalicelib.services.reset_circuit import reset_circuit
from tests.fakes_core import NOON, ManualClock, RecordingLog

RULES = CircuitRules(failure_threshold=2, open_s=30, probe_s=20)
NAMES = ["postgresql", "rabbitmq", "email:main"]
BY = Actor("user:root", "correlation-1")


@dataclass
class Trail:
    up: bool = True
    entries: list[NewAudit] = field(default_factory=list)

    def write(self, entry: NewAudit) -> None:
        if not self.up:
            raise DatabaseUnavailable
        self.entries.append(entry)


@dataclass
class World:
    clock: ManualClock = field(default_factory=ManualClock)
    trail: Trail = field(default_factory=Trail)
    log: RecordingLog = field(default_factory=RecordingLog)

    def __post_init__(self) -> None:
        began = self.clock()

        def seconds() -> float:
            return (self.clock() - began).total_seconds()

        self.shared = LocalCircuits(rules=RULES, monotonic_s=seconds)
        self.circuits = SharedCircuits(shared=self.shared, alone=LocalCircuits(rules=RULES, monotonic_s=seconds))

    def list(self) -> dict[str, CircuitReport]:
        return {one.name: one for one in list_circuits(names=NAMES, circuits=self.circuits, clock=self.clock)}

    def reset(self, name: str) -> CircuitReport:
        return reset_circuit(
            name,
            by=BY,
            names=NAMES,
            circuits=self.circuits,
            trail=self.trail,
            clock=self.clock,
            log=self.log,
        )

    def ready(self) -> bool:
        return check_health(
            checks={"postgresql": lambda: None},
            required={"postgresql"},
            circuits=lambda: list(self.list().values()),
            required_circuits={"postgresql"},
            monotonic_s=time.monotonic,
        ).ready

    def open(self, name: str) -> None:
        for _ in range(RULES.failure_threshold):
            self.circuits.fail(name, 0)


@pytest.fixture
def world() -> World:
    return World()


def test_every_circuit_is_listed_also_one_that_nothing_has_happened_to(world: World) -> None:
    assert list(world.list()) == NAMES
    assert world.list()["rabbitmq"] == CircuitReport("rabbitmq", CircuitState.CLOSED, CircuitScope.SHARED, 0)


def test_an_open_circuit_tells_since_when_and_until_when(world: World) -> None:
    world.open("email:main")
    world.clock.advance(10)
    report = world.list()["email:main"]
    assert (report.state, report.failures, report.opened_at) == (CircuitState.OPEN, 2, NOON)
    assert report.retry_at == NOON + timedelta(seconds=30)
    assert report.probe_until is None


def test_a_half_open_one_tells_until_when_its_probe_is_waited_for(world: World) -> None:
    world.open("email:main")
    world.clock.advance(30)
    world.circuits.admit("email:main")
    report = world.list()["email:main"]
    assert (report.state, report.retry_at) == (CircuitState.HALF_OPEN, None)
    assert report.probe_until == NOON + timedelta(seconds=50)


def test_a_reset_closes_announces_and_leaves_an_entry(world: World) -> None:
    world.open("email:main")
    assert world.reset("email:main").state is CircuitState.CLOSED
    assert [(one.action, one.target, one.actor) for one in world.trail.entries] == [
        ("circuit.reset", "circuit:email:main", BY)
    ]
    assert ("info", "circuit_closed") in world.log.lines


def test_a_reset_of_what_is_closed_is_harmless(world: World) -> None:
    assert world.reset("rabbitmq").state is CircuitState.CLOSED
    assert ("info", "circuit_closed") not in world.log.lines


def test_a_reset_holds_also_when_its_entry_cannot_be_written(world: World) -> None:
    world.open("postgresql")
    world.trail.up = False
    assert world.reset("postgresql").state is CircuitState.CLOSED
    assert ("error", "circuit_reset_not_audited") in world.log.lines


def test_what_is_no_circuit_cannot_be_reset(world: World) -> None:
    with pytest.raises(NotFound):
        world.reset("email:other")


def test_it_is_not_ready_while_the_circuit_of_what_it_needs_refuses(world: World) -> None:
    assert world.ready()
    world.open("email:main")
    assert world.ready()
    world.open("postgresql")
    assert not world.ready()


def test_what_was_found_is_told_for_a_second_and_then_asked_anew() -> None:
    now_s, asked = [100.0], []

    def ask() -> Health:
        asked.append(now_s[0])
        now_s[0] += 5  # what is away is waited for
        return Health(dependencies={}, circuits={}, ready=len(asked) > 1)

    health = RememberedHealth(check=ask, monotonic_s=lambda: now_s[0])
    assert [health().ready for _ in range(100)] == [False] * 100
    now_s[0] += 0.9
    assert not health().ready
    now_s[0] += 0.1
    assert health().ready
    assert asked == [100.0, 106.0]


def test_of_many_who_ask_at_once_one_checks() -> None:
    asked = []

    def ask() -> Health:
        asked.append("health")
        return Health(dependencies={}, circuits={}, ready=True)

    health = RememberedHealth(check=ask, monotonic_s=lambda: 100.0)
    with ThreadPoolExecutor(16) as pool:
        assert all(found.ready for found in pool.map(lambda _: health(), range(64)))
    assert asked == ["health"]
