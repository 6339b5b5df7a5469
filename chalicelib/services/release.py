"""Decides how many deferred rows come back before their time, because a provider of their channel is back.

    every circuit open                       none: they come back by themselves, ever more seldom
    it said itself that it takes no more     none, for as long as it said
    a circuit open whose time is over        a few: one of them is the probe that finds out
    closed for 0, 2, 4, 6 … seconds          25, 50, 100, 200 … in one pass: whatever is weak again falls at the first

The ramp is read from the circuit itself, so relay keeps nothing, and several may run: each of them adds its own step.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.domain.backflow import Allowance
from chalicelib.domain.circuit import CircuitState, Move
from chalicelib.domain.delivery import Waiting
from chalicelib.domain.notification import Channel
from chalicelib.domain.pace import Pace, Turn
from chalicelib.errors import ProvidersLeftAlone, ProvidersThrottled
from chalicelib.services.breaker import CircuitScope

PROBES = 3
"""One of them is the probe; the others are there for the one that has expired or was opted out."""

FIRST_STEP = 25
DOUBLED_EVERY_S = 2.0
LARGEST_STEP = 10_000
PACED_FOR_S = 3.0
"""A provider with a rate gets what it takes until the next pass, and half as much again, so that it never waits."""

CIRCUIT_OPEN, THROTTLED = ProvidersLeftAlone.reason, ProvidersThrottled.reason

_DOUBLINGS_TO_THE_LARGEST = math.ceil(math.log2(LARGEST_STEP / FIRST_STEP))


@dataclass(frozen=True, slots=True)
class Way:
    """A provider of a channel, as far as release looks at it: its circuit, and the rate that the operator gave it."""

    circuit: str
    per_second: float | None = None


class Watched(Protocol):
    def inspect(self, name: str) -> tuple[Move, CircuitScope]:
        """The circuit as it is, and for whom it is so."""
        ...


class LeftAlone(Protocol):
    """The deferred rows whose time is not near, and whose reason is their providers."""

    def find_channels(self) -> Collection[Channel]: ...

    def take(self, allowance: Allowance, *, limit: int, full_lanes: Collection[str]) -> Sequence[Waiting]: ...


@dataclass(frozen=True, slots=True)
class Release:
    """The ways of each channel in the order in which they are tried, and the circuits that stand before them.

    `paces` are those that are shared, by the circuit's name: they know for how long a provider takes no more.
    """

    left_alone: LeftAlone
    circuits: Watched
    ways: Mapping[Channel, Sequence[Way]]
    paces: Mapping[str, Pace] = field(default_factory=dict)

    def allowances(self) -> list[Allowance]:
        """What may come back in this pass. While Redis is away nothing: relay calls no provider, so its own circuits
        say closed whatever the others have found out.
        """
        found = [self._allowance(channel) for channel in self.left_alone.find_channels()]
        return [allowance for allowance in found if allowance is not None]

    def _allowance(self, channel: Channel) -> Allowance | None:
        """By the first provider that may be called: the others are only asked for what that one does not take."""
        for way in self.ways.get(channel, ()):
            move, scope = self.circuits.inspect(way.circuit)
            if scope is not CircuitScope.SHARED:
                return None
            if (step := step_of(move)) and not self._is_held(way):
                return _paced(channel, step, way.per_second)
        return None

    def _is_held(self, way: Way) -> bool:
        pace = self.paces.get(way.circuit)
        return pace is not None and pace.look(longest_wait_s=0.0).turn is Turn.HELD


def step_of(move: Move) -> int:
    """How many rows one pass may bring back to a provider whose circuit was seen like this."""
    circuit = move.circuit
    if circuit.state is not CircuitState.CLOSED:
        return PROBES if circuit.refuses_for_s(move.at_s) == 0 else 0
    closed_for_s = max(0.0, move.at_s - circuit.generation / 1000)
    doublings = min(math.floor(closed_for_s / DOUBLED_EVERY_S), _DOUBLINGS_TO_THE_LARGEST)
    return min(FIRST_STEP << doublings, LARGEST_STEP)


def _paced(channel: Channel, step: int, per_second: float | None) -> Allowance:
    """What a provider throttled by its own word waits as long as it was told; what its rate put off, until the next."""
    if per_second is None:
        return Allowance(channel, (CIRCUIT_OPEN,), step)
    return Allowance(channel, (CIRCUIT_OPEN, THROTTLED), min(step, math.ceil(per_second * PACED_FOR_S)))
