"""What can happen next: somebody begins, goes on, stands still, dies or is overtaken; time passes; the broker errs.

A move names what it is about by a number of which only the remainder counts, so that each makes sense in every state.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from chalicelib.broker import topology
from chalicelib.domain.messages import FAILED
from tests.integration.machine.crash_points.queues import Queues
from tests.integration.machine.crash_points.stage import Actor, Turn
from tests.integration.machine.crash_points.world import NAMED, World

T = TypeVar("T")

LONGER_THAN_A_LEASE_S = 70
MISHAPS: Mapping[str, Callable[[Queues, str], None]] = {
    "copies": Queues.copy,
    "gives up": Queues.dead_letter,
    "loses": Queues.lose,
}


class Fate(StrEnum):
    """What becomes of an actor after a number of points: it ends, stands still, or meets something and goes on."""

    FINISHES = "finishes"
    STANDS = "stands"
    DIES = Turn.DIE
    FINDS_IT_AWAY = Turn.AWAY
    LOSES_THE_ANSWER = Turn.LOST


class Move(Protocol):
    """Something that happens to the whole world, from beginning to end."""

    def __call__(self, world: World) -> None: ...


class Beginning(Move, Protocol):
    """A move that is one actor's beginning, and its pace from there on."""

    @property
    def pace(self) -> "Pace": ...

    def begin(self, world: World) -> Actor | None: ...


@dataclass(frozen=True)
class Pace:
    points: int = 0
    fate: Fate = Fate.FINISHES

    def carry(self, actor: Actor) -> None:
        for _ in range(self.points):
            if actor.at is not None:
                actor.go_on()
        self.meet_fate(actor)

    def meet_fate(self, actor: Actor) -> None:
        if actor.at is None or self.fate is Fate.STANDS:
            return
        if self.fate is not Fate.FINISHES:
            actor.go_on(Turn(self.fate))
        actor.finish()


@dataclass(frozen=True)
class _Begins:
    pace: Pace

    def __call__(self, world: World) -> None:
        if actor := self.begin(world):
            self.pace.carry(actor)

    def begin(self, world: World) -> Actor | None:
        raise NotImplementedError


@dataclass(frozen=True)
class Accept(_Begins):
    to: str = NAMED
    count: int = 1
    key: str | None = None
    send_in_s: int = 0
    expires_in_s: int = 0

    def begin(self, world: World) -> Actor:
        return world.accept(
            self.count, to=self.to, key=self.key, send_in_s=self.send_in_s, expires_in_s=self.expires_in_s
        )


@dataclass(frozen=True)
class Deliver(_Begins):
    which: int = 0
    most: int = 1000
    newest: bool = False
    answer: Turn = Turn.GO
    left_alone: bool = False
    remaining_s: int = 60

    def begin(self, world: World) -> Actor | None:
        lanes = [lane for lane in topology.LANES if world.queues.ready[lane]]
        if not lanes:
            return None
        lane = one_of(lanes, self.which)
        return world.deliver(
            lane,
            self.most,
            newest=self.newest,
            answer=self.answer,
            left_alone=self.left_alone,
            remaining_s=self.remaining_s,
        )


@dataclass(frozen=True)
class Relay(_Begins):
    after_s: int = 0

    def begin(self, world: World) -> Actor:
        world.let_pass(timedelta(seconds=self.after_s))
        return world.relay()


@dataclass(frozen=True)
class Archive(_Begins):
    def begin(self, world: World) -> Actor | None:
        return world.archive() if world.queues.ready[FAILED] else None


@dataclass(frozen=True)
class Cancel(_Begins):
    which: int = 0

    def begin(self, world: World) -> Actor | None:
        promised = list(world.book.promised)
        return world.cancel(one_of(promised, self.which)) if promised else None


@dataclass(frozen=True)
class Replay(_Begins):
    which: int = 0

    def begin(self, world: World) -> Actor | None:
        failures = world.failures
        return world.replay(one_of(failures, self.which)) if failures else None


@dataclass(frozen=True)
class ReplayAll(_Begins):
    def begin(self, world: World) -> Actor:
        return world.replay_all()


@dataclass(frozen=True)
class Discard(_Begins):
    which: int = 0

    def begin(self, world: World) -> Actor | None:
        failures = world.failures
        return world.discard(one_of(failures, self.which)) if failures else None


@dataclass(frozen=True)
class Together:
    """Two begin at the same moment, and move in turns; `order` says when it is the second's."""

    first: Beginning
    second: Beginning
    order: Sequence[bool]

    def __call__(self, world: World) -> None:
        begun = [(move.begin(world), move.pace) for move in (self.first, self.second)]
        for second in self.order:
            actor, _ = begun[second]
            if actor is not None and actor.at is not None:
                actor.go_on()
        for actor, pace in begun:
            if actor is not None:
                pace.meet_fate(actor)


@dataclass(frozen=True)
class GoOn:
    which: int
    pace: Pace

    def __call__(self, world: World) -> None:
        if world.standing:
            self.pace.carry(one_of(world.standing, self.which))


@dataclass(frozen=True)
class Overtake:
    """Somebody stands still until all leases have ended, and comes back when others are about to settle instead."""

    which: int = 0

    def __call__(self, world: World) -> None:
        if not world.standing:
            return
        slow = one_of(world.standing, self.which)
        world.let_pass(timedelta(seconds=LONGER_THAN_A_LEASE_S))
        world.relay().finish()
        others = [world.deliver(lane, 1000) for lane in topology.LANES if world.queues.ready[lane]]
        for other in others:
            while other.at not in (None, "settlements.settle"):
                other.go_on()
        slow.finish()
        for other in others:
            other.finish()


@dataclass(frozen=True)
class BrokerErrs:
    mishap: str
    which: int

    def __call__(self, world: World) -> None:
        MISHAPS[self.mishap](world.queues, one_of(topology.LANES, self.which))


@dataclass(frozen=True)
class BrokerIsWiped:
    def __call__(self, world: World) -> None:
        world.queues.lose_everything()


def one_of(all_of_them: Sequence[T], which: int) -> T:
    return all_of_them[which % len(all_of_them)]
