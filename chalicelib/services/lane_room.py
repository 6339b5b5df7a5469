"""How much more each lane's queue shall hold in this pass of relay: the broker is asked once a pass and lane."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from chalicelib.domain.backflow import LaneKnowledge
from chalicelib.domain.delivery import Waiting
from chalicelib.errors import BrokerUnavailable
from chalicelib.services.ports import LaneGauge

HIGH_WATER = 10_000
"""A queue that holds this many ready messages gets no more from relay: it is minutes of work for a function, and more
would only rest in the broker's memory instead of in the database."""

GAUGE_TIMEOUT_S = 1.5
"""Enough to make a queue that is missing, and to ask again."""


@dataclass(slots=True)
class LaneRoom:
    """A lane of which the broker cannot say what it holds has room for everything: publishing will tell."""

    gauge: LaneGauge
    high_water: int = HIGH_WATER
    _ready: dict[str, int | None] = field(default_factory=dict)
    _given: dict[str, int] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)

    def close(self, lane: str) -> None:
        """The broker does not take what is meant for this lane: it gets no more, and the others go on."""
        self.closed.add(lane)

    def fit(self, rows: Sequence[Waiting]) -> list[Waiting]:
        """Those of the rows that their lanes have room for, in their order. The room is theirs from now on."""
        return [row for row in rows if self._give(row.lane)]

    @property
    def full(self) -> Collection[str]:
        """The lanes, of those asked about so far, that have no room left."""
        return [lane for lane in self._ready if not self._has_room(lane)]

    def know(self, lanes: Collection[str]) -> LaneKnowledge:
        """What the broker says of these lanes now."""
        known = [lane for lane in lanes if self._ready_in(lane) is not None]
        return LaneKnowledge(
            known=known,
            empty=[lane for lane in known if self._ready_in(lane) == 0],
            full=[lane for lane in known if not self._has_room(lane)],
        )

    def _give(self, lane: str) -> bool:
        if not self._has_room(lane):
            return False
        self._given[lane] = self._given.get(lane, 0) + 1
        return True

    def _has_room(self, lane: str) -> bool:
        if lane in self.closed:
            return False
        ready = self._ready_in(lane)
        return ready is None or ready + self._given.get(lane, 0) < self.high_water

    def _ready_in(self, lane: str) -> int | None:
        if lane not in self._ready:
            try:
                self._ready[lane] = self.gauge.count_ready(lane, timeout_s=GAUGE_TIMEOUT_S)
            except BrokerUnavailable:
                self._ready[lane] = None
        return self._ready[lane]
