"""How much waits where, as the broker and PostgreSQL tell it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue that is looked at. `lane` is None for one that no delivery waits in for its own turn."""

    name: str
    lane: str | None = None
    consumed: bool = True
    """Whether a function of ours takes from it; a wait queue's messages leave it by their time alone."""


@dataclass(frozen=True, slots=True)
class QueueLevel:
    """What a queue holds: messages that nobody has been handed, and those who would take them."""

    ready: int
    consumers: int


@dataclass(frozen=True, slots=True)
class CanarySighting:
    """The newest canary that reached its end, or the first of a day's that did not: `latency_s` is None then.

    `age_s` is how long ago it was accepted.
    """

    age_s: float
    latency_s: float | None
