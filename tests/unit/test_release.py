"""How many deferred rows come back before their time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import circuit as machine
from chalicelib.domain.backflow import Allowance
from chalicelib.domain.circuit import Circuit, CircuitRules, CircuitState, Move
from chalicelib.domain.delivery import Waiting
from chalicelib.domain.notification import Channel
from chalicelib.domain.provider_url import ProviderUrl
from chalicelib.services.breaker import CircuitScope, LocalCircuits, SharedCircuits
from chalicelib.services.release import (
    FIRST_STEP,
    LARGEST_STEP,
    PACED_FOR_S,
    PROBES,
    Release,
    Way,
    step_of,
)
from chalicelib.stores.pace import ProcessPace
from chalicelib.wiring.relaying import ways_of
from tests.fakes_core import ManualClock

RULES = CircuitRules(failure_threshold=1, open_s=30, probe_s=20)
NOW_S = 1_764_000_000.0
MAIN, SPARE = Way("email:main"), Way("email:spare")
UNTOUCHED = Circuit()

moments_s = st.floats(min_value=0, max_value=1e6)


def opened(at_s: float = NOW_S) -> Circuit:
    return machine.fail(UNTOUCHED, 0, RULES, at_s=at_s).circuit


def probed(at_s: float = NOW_S) -> Circuit:
    return machine.admit(opened(at_s - RULES.open_s), RULES, at_s=at_s).circuit


def closed(at_s: float = NOW_S) -> Circuit:
    circuit = probed(at_s)
    return machine.succeed(circuit, circuit.generation, at_s=at_s).circuit


def step(circuit: Circuit, after_s: float = 0.0) -> int:
    return step_of(Move(circuit, NOW_S + after_s))


@dataclass
class FakeLeftAlone:
    channels: Sequence[Channel] = (Channel.EMAIL,)

    def find_channels(self) -> Collection[Channel]:
        return self.channels

    def take(self, allowance: Allowance, *, limit: int, full_lanes: Collection[str]) -> Sequence[Waiting]:
        raise NotImplementedError


@dataclass
class FakeCircuits:
    """Circuits as somebody else left them."""

    circuits: Mapping[str, Circuit] = field(default_factory=dict)
    scope: CircuitScope = CircuitScope.SHARED
    asked: list[str] = field(default_factory=list)

    def inspect(self, name: str) -> tuple[Move, CircuitScope]:
        self.asked.append(name)
        return Move(self.circuits.get(name, UNTOUCHED), NOW_S), self.scope


def allowed(circuits: FakeCircuits, *ways: Way) -> list[Allowance]:
    return Release(FakeLeftAlone(), circuits, {Channel.EMAIL: ways}).allowances()


def test_while_a_circuit_is_open_nothing_comes_back_and_then_a_probe() -> None:
    assert [step(opened(), after_s) for after_s in (0, 29.9, 30, 300)] == [0, 0, PROBES, PROBES]


def test_while_a_probe_is_under_way_nothing_comes_back_and_when_it_died_another() -> None:
    assert [step(probed(), after_s) for after_s in (0, 19.9, 20)] == [0, 0, PROBES]


def test_after_it_closed_each_pass_brings_twice_as_many() -> None:
    assert [step(closed(), after_s) for after_s in (0.5, 2.5, 4.5, 6.5, 8.5)] == [25, 50, 100, 200, 400]


def test_a_circuit_that_nobody_ever_opened_holds_nothing_back() -> None:
    assert step(UNTOUCHED) == LARGEST_STEP


def test_five_thousand_are_on_their_way_within_half_a_minute() -> None:
    assert sum(step(closed(), after_s) for after_s in range(0, 18, 2)) > 5_000


@given(earlier_s=moments_s, later_s=moments_s)
def test_the_step_never_shrinks_while_the_circuit_stays_closed(earlier_s: float, later_s: float) -> None:
    earlier_s, later_s = sorted((earlier_s, later_s))
    assert FIRST_STEP <= step(closed(), earlier_s) <= step(closed(), later_s) <= LARGEST_STEP


@given(after_s=moments_s)
def test_one_that_fails_again_begins_at_nothing_whenever_that_is(after_s: float) -> None:
    at_s = NOW_S + after_s
    circuit = closed()
    again = machine.fail(circuit, circuit.generation, RULES, at_s=at_s).circuit
    assert step_of(Move(again, at_s)) == 0


@given(
    turns=st.lists(st.tuples(st.sampled_from(["admit", "succeed", "fail", "reset"]), st.floats(0, 60)), max_size=30),
    back_s=st.floats(0, 3600),
)
def test_whatever_became_of_a_circuit_the_step_is_one_of_the_ramp(
    turns: list[tuple[str, float]], back_s: float
) -> None:
    circuit, at_s = UNTOUCHED, NOW_S
    for verb, pause_s in turns:
        at_s += pause_s
        circuit = turned(circuit, verb, at_s)
    found = step_of(Move(circuit, at_s - back_s))  # by a clock that was set back, too
    assert found in (0, PROBES, LARGEST_STEP) or found % FIRST_STEP == 0
    assert found <= LARGEST_STEP
    assert (found < FIRST_STEP) == (circuit.state is not CircuitState.CLOSED)


def turned(circuit: Circuit, verb: str, at_s: float) -> Circuit:
    if verb == "admit":
        return machine.admit(circuit, RULES, at_s=at_s).circuit
    if verb == "succeed":
        return machine.succeed(circuit, circuit.generation, at_s=at_s).circuit
    if verb == "fail":
        return machine.fail(circuit, circuit.generation, RULES, at_s=at_s).circuit
    return machine.reset(circuit, at_s=at_s).circuit


def test_a_channel_follows_the_first_of_its_providers_that_may_be_called() -> None:
    circuits = FakeCircuits({"email:main": opened(), "email:spare": closed()})
    assert allowed(circuits, MAIN, SPARE) == [Allowance(Channel.EMAIL, ("circuit_open",), FIRST_STEP)]


def test_a_channel_whose_circuits_are_all_open_gets_nothing_back() -> None:
    assert allowed(FakeCircuits({"email:main": opened(), "email:spare": probed()}), MAIN, SPARE) == []


def test_a_channel_without_any_way_gets_nothing_back() -> None:
    assert allowed(FakeCircuits()) == []


def test_without_the_shared_circuits_nothing_comes_back_before_its_time() -> None:
    assert allowed(FakeCircuits(scope=CircuitScope.ENVIRONMENT), MAIN) == []


def test_nobody_is_asked_about_a_channel_of_which_nothing_waits() -> None:
    circuits = FakeCircuits()
    assert Release(FakeLeftAlone(channels=()), circuits, {Channel.EMAIL: [MAIN]}).allowances() == []
    assert circuits.asked == []


@pytest.mark.parametrize(("per_second", "count"), [(14, 42), (100 / 900, 1), (1_000_000, LARGEST_STEP)])
def test_what_a_rate_put_off_comes_back_at_that_rate(per_second: float, count: int) -> None:
    (allowance,) = allowed(FakeCircuits(), Way("email:main", per_second))
    assert allowance == Allowance(Channel.EMAIL, ("circuit_open", "throttled"), count)


def test_a_rate_does_not_make_a_ramp_steeper() -> None:
    (allowance,) = allowed(FakeCircuits({"email:main": closed()}), Way("email:main", 1_000))
    assert allowance.count == FIRST_STEP < 1_000 * PACED_FOR_S


def test_what_a_provider_without_a_rate_throttled_waits_for_its_time() -> None:
    (allowance,) = allowed(FakeCircuits(), MAIN)
    assert "throttled" not in allowance.reasons


def test_a_held_provider_is_passed_over_as_by_those_who_send() -> None:
    pace = ProcessPace(0.1, monotonic_s=lambda: 0.0)
    pace.hold(60)
    for ways, expected in (([Way("email:main", 10)], []), ([Way("email:main", 10), SPARE], [("circuit_open",)])):
        release = Release(FakeLeftAlone(), FakeCircuits(), {Channel.EMAIL: ways}, paces={"email:main": pace})
        assert [allowance.reasons for allowance in release.allowances()] == expected


def test_a_process_that_never_called_a_provider_knows_nothing_by_itself() -> None:
    clock = ManualClock()
    alone = LocalCircuits(rules=RULES, monotonic_s=lambda: clock().timestamp())
    assert step_of(SharedCircuits(shared=alone, alone=alone).look("email:main")) == LARGEST_STEP


def test_each_provider_is_a_way_with_its_circuit_and_its_rate() -> None:
    urls = ["smtp://mail.example.com?name=main&rate=30%2Fminute", "smtp://mail.example.org?name=fcm"]
    assert ways_of([ProviderUrl.parse(url) for url in urls]) == {
        Channel.EMAIL: [Way("email:main", 0.5), Way("email:fcm")],
        Channel.PUSH: [Way("push:fcm")],
    }
