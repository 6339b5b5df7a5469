"""What three independent witnesses say of the same notifications, and what was done to the system meanwhile.

The clients wrote down what they posted and were answered, the database holds what the system believes, and the sinks
hold what arrived. Every time is UTC, from clocks of one machine.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What is to become of a post, by what was posted."""

    ORDINARY = "ordinary"
    REJECTED = "rejected"
    """Its recipient is refused by the provider for good."""
    OPTED_OUT = "opted_out"
    SCHEDULED = "scheduled"


@dataclass(frozen=True, slots=True)
class Promise:
    """What a 202 said: whose it is, and the state of each delivery at the commit."""

    notification_id: str
    deliveries: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Post:
    """One request of a client. `status` is None when the connection ended without an answer, or the run did."""

    correlation_id: str
    kind: Kind
    key: str | None
    began_at: datetime
    status: int | None = None
    promise: Promise | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One row of a delivery's history, in the order of the database. `count` tells how often in a row it happened."""

    at: datetime
    name: str
    attempt: int = 0
    reason: str | None = None
    detail: str | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of the database with its events. `due_at` is when it was accepted, or wished for later."""

    delivery_id: str
    notification_id: str
    correlation_id: str
    channel: str
    lane: str
    status: str
    reason: str | None
    due_at: datetime
    events: tuple[Event, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Archived:
    """One row of the archive of the failed; without a delivery it is a message that nobody could use."""

    delivery_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message at a sink. `answered` tells whether the sink's acceptance was written to the sender."""

    delivery_id: str
    at: datetime
    answered: bool = True


@dataclass(frozen=True, slots=True)
class Incident:
    """One fault that took place: what was done to whom, and until when the target was not whole again."""

    kind: str
    target: str
    began_at: datetime
    ended_at: datetime

    def touches(self, since: datetime, until: datetime) -> bool:
        """Whether it took place, at least in part, between two moments."""
        return self.began_at <= until and self.ended_at >= since

    def __str__(self) -> str:
        return f"{self.kind} of {self.target}, {self.began_at:%H:%M:%S.%f} to {self.ended_at:%H:%M:%S.%f}"


@dataclass(frozen=True, slots=True)
class Records:
    """Everything a judge may look at."""

    posts: Sequence[Post]
    deliveries: Sequence[Delivery]
    archive: Sequence[Archived]
    arrivals: Sequence[Arrival]
    incidents: Sequence[Incident]

    def save(self, file: Path) -> None:
        """A JSON line a record, for whoever wants to look again."""
        groups = (self.posts, self.deliveries, self.archive, self.arrivals, self.incidents)
        with file.open("w", encoding="utf-8") as lines:
            for record in (each for group in groups for each in group):
                lines.write(json.dumps({"record": type(record).__name__, **asdict(record)}, default=str) + "\n")

    @property
    def promises(self) -> Iterator[tuple[Post, Promise]]:
        """Every 202 that a client got; those of one idempotency key repeat themselves."""
        return ((post, post.promise) for post in self.posts if post.promise is not None)
