"""What the keepers of circuits promise: the one in Redis and the one in memory make the same moves."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.circuit import CircuitRules, CircuitState, Move
from chalicelib.errors import CacheUnavailable
from chalicelib.services.breaker import Circuits, LocalCircuits
from chalicelib.stores.cache import Cache
from chalicelib.stores.circuits import RedisCircuits

# Half seconds: whole ones pass, and no example can hit a boundary that the real clock blurs.
RULES = CircuitRules(failure_threshold=3, open_s=30.5, probe_s=20.5, window_s=10.5)
NAME = "email:main"


@dataclass
class Subject:
    circuits: Circuits
    let_pass: Callable[[float], None]


@pytest.fixture
def local() -> Subject:
    return a_local_one()


def a_local_one() -> Subject:
    now_s = [1_000_000.0]

    def let_pass(seconds: float) -> None:
        now_s[0] += seconds

    return Subject(LocalCircuits(rules=RULES, monotonic_s=lambda: now_s[0]), let_pass)


@pytest.fixture
def shared(cache: Cache) -> Subject:
    return a_shared_one(cache, key="circuits")


def a_shared_one(cache: Cache, *, key: str) -> Subject:
    def let_pass(seconds: float) -> None:
        """Redis has no clock to turn: all that was, was so much earlier."""
        with cache.client() as client:
            for name, packed in client.hgetall(key).items():
                client.hset(key, name, json.dumps(_earlier(json.loads(packed), int(seconds * 1000))))

    return Subject(RedisCircuits(cache=cache, rules=RULES, key=key), let_pass)


def _earlier(packed: dict[str, Any], milliseconds: int) -> dict[str, Any]:  # Any: JSON of the script's making
    failed = [at - milliseconds for at in packed["failed"] or []]
    moments: dict[str, Any] = {key: packed[key] - milliseconds for key in ("opened", "retry") if key in packed}
    return {**packed, **moments, "failed": failed}


@pytest.fixture(params=["local", "shared"])
def subject(request: pytest.FixtureRequest) -> Subject:
    chosen: Subject = request.getfixturevalue(request.param)
    return chosen


def open_it(circuits: Circuits) -> Move:
    for _ in range(RULES.failure_threshold):
        move = circuits.fail(NAME, circuits.look(NAME).circuit.generation)
    return move


def test_what_was_never_touched_is_closed(subject: Subject) -> None:
    assert subject.circuits.look(NAME).circuit.state is CircuitState.CLOSED
    assert subject.circuits.admit(NAME).admitted


def test_the_failure_that_opens_it_and_no_other_is_told_so(subject: Subject) -> None:
    changes = [subject.circuits.fail(NAME, 0).changed for _ in range(5)]
    assert changes == [False, False, True, False, False]
    assert subject.circuits.look(NAME).circuit.state is CircuitState.OPEN


def test_it_says_when_it_opened_and_how_long_it_refuses(subject: Subject) -> None:
    opened = open_it(subject.circuits)
    assert opened.circuit.opened_at_s == pytest.approx(opened.at_s, abs=0.01)
    subject.let_pass(10)
    refused = subject.circuits.admit(NAME)
    assert not refused.admitted
    assert refused.circuit.refuses_for_s(refused.at_s) == pytest.approx(20.5, abs=1)


def test_one_probe_passes_and_closes_it(subject: Subject) -> None:
    open_it(subject.circuits)
    subject.let_pass(31)
    probe, other = subject.circuits.admit(NAME), subject.circuits.admit(NAME)
    assert (probe.admitted, probe.changed, other.admitted, other.changed) == (True, True, False, False)
    closed = subject.circuits.succeed(NAME, probe.circuit.generation)
    assert (closed.changed, closed.circuit.state) == (True, CircuitState.CLOSED)
    assert closed.circuit.failed_at_s == ()


def test_a_report_of_an_earlier_stretch_is_not_heard(subject: Subject) -> None:
    open_it(subject.circuits)
    subject.circuits.reset(NAME)
    for _ in range(5):
        assert not subject.circuits.fail(NAME, 0).changed
    assert subject.circuits.look(NAME).circuit.failed_at_s == ()


def test_circuits_know_nothing_of_each_other(subject: Subject) -> None:
    open_it(subject.circuits)
    assert subject.circuits.look("push:fcm").circuit.state is CircuitState.CLOSED


def test_a_generation_does_not_come_back_when_redis_forgot(shared: Subject, cache: Cache) -> None:
    before = open_it(shared.circuits).circuit.generation
    with cache.client() as client:
        client.flushdb()
    assert not shared.circuits.fail(NAME, before).changed
    assert open_it(shared.circuits).circuit.generation >= before


def test_all_that_is_kept_in_redis_ends_by_itself(shared: Subject, cache: Cache) -> None:
    open_it(shared.circuits)
    with cache.client() as client:
        assert all(client.ttl(name) > 0 for name in client.scan_iter())


@pytest.mark.parametrize("call", ["look", "admit", "succeed", "fail", "reset"])
def test_a_redis_that_is_away_is_said_to_be(away: Cache, call: str) -> None:
    circuits = RedisCircuits(cache=away, rules=RULES)
    arguments = (NAME, 0) if call in ("succeed", "fail") else (NAME,)
    with pytest.raises(CacheUnavailable):
        getattr(circuits, call)(*arguments)


STEPS = st.one_of(
    st.sampled_from(["admit", "reset", "succeed", "fail", "fail", "succeed late", "fail late"]),
    st.integers(1, 35),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=30))
def test_the_script_and_the_machine_make_the_same_moves(cache: Cache, steps: list[str | int]) -> None:
    with cache.client() as client:
        client.flushdb()
    told = [_told(subject, steps) for subject in (a_local_one(), a_shared_one(cache, key="circuits"))]
    assert told[0] == told[1]


def _told(subject: Subject, steps: list[str | int]) -> list[object]:
    """What each step came to; generations are compared by what they make of reports, for their numbers are clocks'."""
    told: list[object] = []
    generation, former = 0, -1
    for step in steps:
        if isinstance(step, int):
            subject.let_pass(step)
            continue
        verb, _, late = step.partition(" ")
        reported = (former if late else generation,) if verb in ("succeed", "fail") else ()
        move: Move = getattr(subject.circuits, verb)(NAME, *reported)
        if move.circuit.generation != generation:
            former, generation = generation, move.circuit.generation
        told.append((step, move.circuit.state, move.changed, move.admitted, len(move.circuit.failed_at_s)))
    return told
