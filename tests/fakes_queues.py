"""A broker and a database that tell how much waits, and a log that keeps what was measured."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.domain.backlog import CanarySighting, QueueLevel
from chalicelib.domain.notification import Status
from chalicelib.errors import BrokerUnavailable, DatabaseUnavailable
from tests.fakes_core import RecordingLog


@dataclass
class FakeGauge:
    """Knows the queues that are in `levels`; nothing while it is down."""

    levels: Mapping[str, QueueLevel] = field(default_factory=dict)
    up: bool = True

    def measure(self, queues: Sequence[str], *, timeout_s: float) -> Mapping[str, QueueLevel]:
        if not self.up:
            raise BrokerUnavailable("down")
        return {name: level for name, level in self.levels.items() if name in queues}


@dataclass
class FakeBacklog:
    """Tells what it was given; nothing while it is down."""

    oldest: Mapping[str, float] = field(default_factory=dict)
    opened: Mapping[Status, int] = field(default_factory=dict)
    overdue: int = 0
    misplaced: int = 0
    up: bool = True

    def find_oldest_queued(self, lanes: Collection[str]) -> Mapping[str, float]:
        self._require()
        return {lane: age_s for lane, age_s in self.oldest.items() if lane in lanes}

    def count_open(self, states: Collection[Status]) -> Mapping[Status, int]:
        self._require()
        return {state: self.opened.get(state, 0) for state in states}

    def count_overdue(self) -> int:
        self._require()
        return self.overdue

    def count_misplaced(self) -> int:
        self._require()
        return self.misplaced

    def _require(self) -> None:
        if not self.up:
            raise DatabaseUnavailable("down")


@dataclass
class FakeCanaries:
    """Has seen what it was given."""

    sighting: CanarySighting | None = None
    up: bool = True

    def find_newest_sent(self, template_code: str, *, client_id: str) -> CanarySighting | None:
        if not self.up:
            raise DatabaseUnavailable("down")
        return self.sighting


@dataclass
class RecordingGauges(RecordingLog):
    """What was measured and counted, by the metric's name and its dimensions' values."""

    measured: dict[tuple[str, ...], float] = field(default_factory=dict)
    counted: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def count(self, metric: str, value: int = 1, **dimensions: str) -> None:
        self.counted[metric, *dimensions.values()] += value

    def gauge(self, values: Mapping[str, float], **dimensions: str) -> None:
        for name, value in values.items():
            self.measured[name, *dimensions.values()] = value

    def told(self, level: str) -> list[str]:
        return [message for each, message in self.lines if each == level]
