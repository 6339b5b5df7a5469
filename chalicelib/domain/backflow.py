"""What relay knows and asks when it brings open rows back to their queues."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from chalicelib.domain.delivery import Waiting
from chalicelib.domain.notification import Channel


@dataclass(frozen=True, slots=True)
class LaneKnowledge:
    """What the broker says of lanes: of the `known` ones, which are empty, and which hold as much as they shall."""

    known: Collection[str]
    empty: Collection[str] = ()
    full: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What a look at queued rows past their time has found; `is_last` tells that there are no more of them."""

    lost: Sequence[Waiting]
    is_last: bool


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many deferred rows of a channel, put off for one of these reasons, may come back before their time."""

    channel: Channel
    reasons: Collection[str]
    count: int
