"""The pace of a provider: slots for calls, evenly spaced, for all who share it. Pure.

A slot is taken by pushing the next one away (virtual scheduling, ITU-T I.371 Annex A, with no burst): in any stretch of
time there are at most as many slots as intervals in it, and one. A provider that says itself that it takes no more is
held: until then there are no slots.

Moments are seconds of one clock, whose zero does not matter.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from typing import Protocol

FOREIGN_S = 1_000.0
"""Nobody waits for a slot for so long: a next one beyond this, and an interval, is of another clock or another rate.

Else a clock that was put back, or a rate of one an hour that was raised, would stop a provider for as long.
"""


class Turn(StrEnum):
    """Whether the slot is the caller's; if not, because it is too far away, or because the provider is held."""

    TAKEN = "taken"
    TOO_FAR = "too_far"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Slot:
    """`wait_s` until the slot that was taken, or for as long as there is none to be had."""

    turn: Turn
    wait_s: float


@dataclass(frozen=True, slots=True)
class Track:
    """When the next slot is free at the earliest, and until when the provider is held."""

    next_at_s: float = -inf
    held_until_s: float = -inf

    def take(self, interval_s: float, *, longest_wait_s: float, at_s: float) -> tuple["Track", Slot]:
        """Ask for the next slot, which is taken only when it is no further away than the caller would wait."""
        if self.held_until_s > at_s:
            return self, Slot(Turn.HELD, self.held_until_s - at_s)
        is_foreign = self.next_at_s > at_s + interval_s + FOREIGN_S
        slot_at_s = at_s if is_foreign else max(at_s, self.next_at_s)
        wait_s = slot_at_s - at_s
        if wait_s > longest_wait_s:
            return self, Slot(Turn.TOO_FAR, wait_s - longest_wait_s)
        return replace(self, next_at_s=slot_at_s + interval_s), Slot(Turn.TAKEN, wait_s)

    def hold(self, for_s: float, *, at_s: float) -> "Track":
        return replace(self, held_until_s=max(self.held_until_s, at_s + for_s))


class Pace(Protocol):
    """The pace of one provider. Never raises; shared by threads."""

    @property
    def interval_s(self) -> float:
        """From one slot to the next; 0 when there is no rate to be kept."""

    def take(self, *, longest_wait_s: float) -> Slot:
        """Ask for a slot, which is the caller's when it is near enough."""

    def look(self, *, longest_wait_s: float) -> Slot:
        """What `take` would answer. Nothing is taken."""

    def hold(self, for_s: float) -> None:
        """No slots for so long: the provider has said that it takes no more."""
