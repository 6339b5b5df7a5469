"""The circuit breaker's state machine against a model that keeps nothing but the history."""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chalicelib.domain import circuit as machine
from chalicelib.domain.circuit import Circuit, CircuitRules, CircuitState, Move

RULES = CircuitRules(failure_threshold=3, open_s=30, probe_s=20, window_s=10)
CLOSED, OPEN, HALF_OPEN = CircuitState.CLOSED, CircuitState.OPEN, CircuitState.HALF_OPEN


def failing(times: int, *, at_s: float = 0, circuit: Circuit = Circuit()) -> Circuit:  # noqa: B008  frozen
    for _ in range(times):
        circuit = machine.fail(circuit, circuit.generation, RULES, at_s=at_s).circuit
    return circuit


def test_it_opens_with_the_last_failure_of_the_threshold() -> None:
    assert failing(2).state is CLOSED
    assert failing(3).state is OPEN


def test_failures_further_apart_than_the_window_do_not_add_up() -> None:
    circuit = Circuit()
    for at_s in range(0, 100, 6):
        circuit = failing(1, at_s=at_s, circuit=circuit)
    assert circuit.state is CLOSED


def test_a_success_between_forgets_the_failures() -> None:
    forgiven = machine.succeed(failing(2), 0, at_s=1).circuit
    assert failing(2, at_s=1, circuit=forgiven).state is CLOSED


def test_while_it_is_open_nobody_passes_and_all_are_told_how_long() -> None:
    move = machine.admit(failing(3), RULES, at_s=10)
    assert not move.admitted
    assert move.circuit.refuses_for_s(move.at_s) == 20


def test_when_it_is_due_one_passes_and_the_next_is_told_to_ask_again_soon() -> None:
    probe = machine.admit(failing(3), RULES, at_s=30)
    assert (probe.admitted, probe.changed, probe.circuit.state) == (True, True, HALF_OPEN)
    other = machine.admit(probe.circuit, RULES, at_s=31)
    assert (other.admitted, other.changed) == (False, False)
    assert other.circuit.refuses_for_s(31) == machine.PROBE_WATCH_S


def test_the_probe_s_success_closes_and_its_failure_opens_for_the_whole_time() -> None:
    probe = machine.admit(failing(3), RULES, at_s=30).circuit
    assert machine.succeed(probe, probe.generation, at_s=31).circuit.state is CLOSED
    opened = machine.fail(probe, probe.generation, RULES, at_s=31)
    assert (opened.changed, opened.circuit.state, opened.circuit.retry_at_s) == (True, OPEN, 61)


def test_a_probe_that_never_reports_is_followed_by_another_and_cannot_speak_any_more() -> None:
    lost = machine.admit(failing(3), RULES, at_s=30).circuit
    second = machine.admit(lost, RULES, at_s=50)
    assert (second.admitted, second.changed) == (True, False)
    assert machine.fail(second.circuit, lost.generation, RULES, at_s=51).circuit == second.circuit
    assert machine.succeed(second.circuit, lost.generation, at_s=51).circuit == second.circuit


def test_a_failure_of_an_earlier_stretch_changes_nothing() -> None:
    closed = machine.reset(failing(3), at_s=5).circuit
    assert machine.fail(closed, 0, RULES, at_s=6) == Move(closed, 6)


def test_a_reset_closes_whatever_it_was_and_tells_only_of_a_change() -> None:
    assert machine.reset(failing(3), at_s=5).changed
    assert not machine.reset(Circuit(), at_s=5).changed


@dataclass
class Call:
    """One admitted call, and the number of the stretch it belongs to."""

    generation: int
    stretch: int


@dataclass(eq=False)
class History(RuleBasedStateMachine):
    """What must follow from the history alone. A stretch is the time between two moves."""

    circuit: Circuit = field(default_factory=Circuit)
    at_s: float = 1000.0
    state: CircuitState = CLOSED
    since_s: float = 0.0
    stretch: int = 0
    failures_s: list[float] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def enter(self, state: CircuitState) -> None:
        self.state, self.since_s, self.stretch = state, self.at_s, self.stretch + 1

    def take(self, move: Move, *, before: CircuitState) -> None:
        self.circuit = move.circuit
        assert move.changed == (self.state is not before)

    @rule(seconds=st.floats(0.125, 40, width=16))
    def wait(self, seconds: float) -> None:
        self.at_s += seconds

    @rule()
    def ask(self) -> None:
        move, before = machine.admit(self.circuit, RULES, at_s=self.at_s), self.state
        rests_s = RULES.open_s if before is OPEN else RULES.probe_s
        allowed = before is CLOSED or self.at_s >= self.since_s + rests_s
        if allowed and before is not CLOSED:
            self.enter(HALF_OPEN)
        assert move.admitted == allowed
        self.take(move, before=before)
        if allowed:
            self.calls.append(Call(self.circuit.generation, self.stretch))

    @rule(data=st.data())
    def a_call_succeeds(self, data: st.DataObject) -> None:
        if call := self.ended(data):
            move, before = machine.succeed(self.circuit, call.generation, at_s=self.at_s), self.state
            if call.stretch == self.stretch:
                self.failures_s = []
                if before is HALF_OPEN:
                    self.enter(CLOSED)
            self.take(move, before=before)

    @rule(data=st.data())
    def a_call_fails(self, data: st.DataObject) -> None:
        if call := self.ended(data):
            move, before = machine.fail(self.circuit, call.generation, RULES, at_s=self.at_s), self.state
            if call.stretch == self.stretch:
                self.failures_s = [*self.failures_s, self.at_s]
                recent = [at_s for at_s in self.failures_s if at_s > self.at_s - RULES.window_s]
                if before is HALF_OPEN or len(recent) >= RULES.failure_threshold:
                    self.enter(OPEN)
            self.take(move, before=before)

    @rule()
    def somebody_resets(self) -> None:
        move, before = machine.reset(self.circuit, at_s=self.at_s), self.state
        self.enter(CLOSED)
        self.failures_s = []
        self.take(move, before=before)

    def ended(self, data: st.DataObject) -> Call | None:
        if not self.calls:
            return None
        return self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))

    @invariant()
    def is_in_the_state_that_follows(self) -> None:
        assert self.circuit.state is self.state


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
