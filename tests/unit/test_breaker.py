"""The breaker of one dependency: when it asks, what it reports, who announces, and what it does without Redis."""

from dataclasses import dataclass, field

import pytest

from chalicelib.domain.circuit import CircuitRules, CircuitState, Move, Prospect
from chalicelib.errors import CacheUnavailable, CircuitOpen
from chalicelib.services.breaker import FRESH_S, CircuitBreaker, CircuitScope, LocalCircuits, SharedCircuits
from tests.fakes_core import RecordingLog

RULES = CircuitRules(failure_threshold=3, open_s=30, probe_s=20)
NAME = "postgresql"


@dataclass
class Seconds:
    at_s: float = 0.0

    def __call__(self) -> float:
        return self.at_s


@dataclass
class Redis:
    """Shared circuits that can be away, and that count who asks."""

    clock: Seconds
    up: bool = True
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kept = LocalCircuits(rules=RULES, monotonic_s=lambda: self.clock() + 1_000)

    def look(self, name: str) -> Move:
        return self._heard("look").look(name)

    def admit(self, name: str) -> Move:
        return self._heard("admit").admit(name)

    def succeed(self, name: str, generation: int) -> Move:
        return self._heard("succeed").succeed(name, generation)

    def fail(self, name: str, generation: int) -> Move:
        return self._heard("fail").fail(name, generation)

    def reset(self, name: str) -> Move:
        return self._heard("reset").reset(name)

    def _heard(self, what: str) -> LocalCircuits:
        if not self.up:
            raise CacheUnavailable("down")
        self.asked.append(what)
        return self.kept


@dataclass
class World:
    """Some environments around one Redis."""

    clock: Seconds = field(default_factory=Seconds)
    log: RecordingLog = field(default_factory=RecordingLog)

    def __post_init__(self) -> None:
        self.redis = Redis(self.clock)

    def environment(self) -> CircuitBreaker:
        return CircuitBreaker(NAME, circuits=self.circuits(), log=self.log, monotonic_s=self.clock)

    def circuits(self) -> SharedCircuits:
        return SharedCircuits(shared=self.redis, alone=LocalCircuits(rules=RULES, monotonic_s=self.clock))

    @property
    def announced(self) -> list[str]:
        return [message for _, message in self.log.lines]


@pytest.fixture
def world() -> World:
    return World()


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.enter().failed()


def test_a_closed_circuit_costs_one_look_a_second_and_no_report(world: World) -> None:
    breaker = world.environment()
    for _ in range(100):
        breaker.enter().succeeded()
    assert world.redis.asked == ["look"]
    world.clock.at_s += FRESH_S
    breaker.enter().succeeded()
    assert world.redis.asked == ["look", "look"]


def test_failures_of_several_environments_add_up_and_one_announces(world: World) -> None:
    for breaker in [world.environment() for _ in range(3)]:
        fail(breaker)
    with pytest.raises(CircuitOpen) as refused:
        world.environment().enter()
    assert refused.value.retry_after_s == pytest.approx(30)
    assert world.announced == ["circuit_opened"]


def test_an_environment_that_knows_nothing_yet_learns_within_a_second(world: World) -> None:
    breaker, other = world.environment(), world.environment()
    other.enter().succeeded()
    fail(breaker, 3)
    other.enter()
    world.clock.at_s += FRESH_S
    with pytest.raises(CircuitOpen):
        other.enter()


def test_a_late_failure_of_another_environment_does_not_reopen_what_was_closed(world: World) -> None:
    breaker, other = world.environment(), world.environment()
    late = [other.enter() for _ in range(3)]
    fail(breaker, 3)
    world.clock.at_s += 30
    breaker.enter().succeeded()
    for one in late:
        one.failed()
    world.environment().enter().succeeded()
    assert world.announced == ["circuit_opened", "circuit_half_opened", "circuit_closed"]


def test_a_success_after_failures_is_reported_once(world: World) -> None:
    breaker = world.environment()
    fail(breaker, 2)
    breaker.enter().succeeded()
    breaker.enter().succeeded()
    assert world.redis.asked.count("succeed") == 1
    fail(breaker, 2)
    breaker.enter()


def test_what_has_come_back_is_seen_by_all_at_the_next_call(world: World) -> None:
    breaker, other = world.environment(), world.environment()
    fail(breaker, 3)
    with pytest.raises(CircuitOpen):
        other.enter()
    world.clock.at_s += 30
    breaker.enter().succeeded()
    other.enter().succeeded()


def test_without_redis_each_environment_goes_on_with_what_it_knew(world: World) -> None:
    breaker = world.environment()
    fail(breaker, 3)
    world.redis.up = False
    with pytest.raises(CircuitOpen) as refused:
        breaker.enter()
    assert refused.value.retry_after_s == pytest.approx(30)
    world.clock.at_s += 30
    probe = breaker.enter()
    with pytest.raises(CircuitOpen):
        breaker.enter()
    probe.succeeded()
    breaker.enter().succeeded()


def test_without_redis_from_the_start_it_still_opens(world: World) -> None:
    world.redis.up = False
    breaker = world.environment()
    fail(breaker, 3)
    with pytest.raises(CircuitOpen):
        breaker.enter()
    assert world.announced == ["circuit_opened"]


def test_when_redis_is_back_what_it_says_holds(world: World) -> None:
    world.redis.up = False
    breaker = world.environment()
    fail(breaker, 3)
    world.redis.up = True
    breaker.enter().succeeded()


def test_who_looks_is_told_for_whom_it_holds(world: World) -> None:
    circuits = world.circuits()
    assert circuits.inspect(NAME)[1] is CircuitScope.SHARED
    world.redis.up = False
    move, scope = circuits.inspect(NAME)
    assert (move.circuit.state, scope) == (CircuitState.CLOSED, CircuitScope.ENVIRONMENT)


def test_to_foresee_takes_no_probe_and_costs_a_closed_circuit_nothing(world: World) -> None:
    breaker = world.environment()
    assert [breaker.foresee() for _ in range(10)] == [Prospect()] * 10
    assert world.redis.asked == ["look"]
    fail(breaker, 3)
    assert breaker.foresee().refused_for_s == pytest.approx(30)
    world.clock.at_s += 30
    assert [breaker.foresee() for _ in range(2)] == [Prospect(as_probe=True)] * 2
    assert breaker.enter().probe
    assert 0 < breaker.foresee().refused_for_s <= 1


def test_who_foresees_sees_at_once_what_another_has_closed(world: World) -> None:
    breaker, other = world.environment(), world.environment()
    fail(breaker, 3)
    world.clock.at_s += 30
    other.enter().succeeded()
    assert breaker.foresee() == Prospect()
