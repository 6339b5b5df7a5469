"""The machine under any interleaving that can be found, with a death possible between every two side effects.

`CRASH_POINTS=10` looks at ten times as many lives, chosen anew each time; without it the same are looked at each time.
`CRASH_POINTS_AS_FOUND=1` shows what fails as it was found, and does not spend minutes on making it short.
"""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from chalicelib.broker import topology
from chalicelib.domain.messages import FAILED
from tests.integration.machine.crash_points.drawing import FIRST, MOVES
from tests.integration.machine.crash_points.moves import (
    Accept,
    Cancel,
    Deliver,
    Fate,
    Move,
    Overtake,
    Pace,
    Relay,
    Together,
)
from tests.integration.machine.crash_points.stage import Turn
from tests.integration.machine.crash_points.verdict import count_open, objections, read_lives
from tests.integration.machine.crash_points.world import DEVICE, PERSON, World

EXAMPLES = 60
STEPS = 20
MOST_STANDING = 3
AS_FOUND = bool(os.environ.get("CRASH_POINTS_AS_FOUND"))
TIMES = int(os.environ.get("CRASH_POINTS", "0"))
ROUNDS_TO_AN_END = 40


class DeliveryWorld(RuleBasedStateMachine):
    """Processes begin, stand still anywhere, die, or end; time passes; the broker loses, copies and gives up.

    There is one rule, and not one for each kind of move: of several, hypothesis leaves some out of most lives.
    """

    world: ClassVar[World]

    @initialize(recipients=FIRST, redis_is_up=st.booleans())
    def begin(self, recipients: list[str], redis_is_up: bool) -> None:
        self.world.begin()
        self.world.memory.up = redis_is_up
        for to in recipients:
            self.world.accept(1, to=to).finish()

    @rule(move=MOVES)
    def happens(self, move: Move) -> None:
        move(self.world)
        while len(self.world.standing) > MOST_STANDING:
            self.world.standing[0].finish()

    def teardown(self) -> None:
        """Whoever stands still is overtaken; then nothing fails any more, time goes by, and all is judged."""
        if not hasattr(self.world, "book"):
            return
        while self.world.standing:
            Overtake()(self.world)
        heal(self.world)
        assert objections(self.world.book, self.world.database) == []


def heal(world: World) -> None:
    """Rounds in which every function runs to its end, and then time passes."""
    for _ in range(ROUNDS_TO_AN_END):
        for lane in topology.LANES:
            if world.queues.ready[lane]:
                world.deliver(lane, 1000).finish()
        if world.queues.ready[FAILED]:
            world.archive().finish()
        if not count_open(world.database) and world.queues.empty:
            return
        world.relay().finish()
        world.let_pass(timedelta(minutes=15))


@pytest.fixture
def world(migrated_url: str) -> Iterator[World]:
    world = World(migrated_url)
    yield world
    world.close()


def test_the_same_moves_make_the_same_run(world: World) -> None:
    assert run_to_its_end(world) == run_to_its_end(world)


def run_to_its_end(world: World) -> list[tuple[object, ...]]:
    stands, dies = Pace(3, Fate.STANDS), Pace(2, Fate.DIES)
    world.begin()
    for move in (
        Together(Accept(stands, key="a"), Accept(Pace(), key="a", count=2), [True, False, True, False, True]),
        Accept(Pace(), to=DEVICE),
        Accept(Pace(), to=PERSON, count=3),
        Deliver(stands, most=2),
        Deliver(dies, answer=Turn.LOST),
        Relay(Pace(), after_s=300),
        Deliver(stands, answer=Turn.AWAY),
        Cancel(dies, which=1),
        Overtake(1),
    ):
        move(world)
    heal(world)
    assert objections(world.book, world.database) == []
    return [(life.status, life.attempts, life.crashes, *life.history) for life in read_lives(world.database)]


def test_whatever_dies_between_any_two_side_effects_every_promise_comes_to_one_honest_end(world: World) -> None:
    run_state_machine_as_test(
        type("OverThisDatabase", (DeliveryWorld,), {"world": world}),
        settings=settings(
            max_examples=EXAMPLES * (TIMES or 1),
            stateful_step_count=STEPS,
            derandomize=not TIMES,
            deadline=None,
            print_blob=True,
            phases=[Phase.explicit, Phase.generate, *([] if AS_FOUND else [Phase.shrink])],
            suppress_health_check=[*HealthCheck],
        ),
    )
