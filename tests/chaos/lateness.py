"""How long a delivery stayed open although nothing held it: what the promise of an end in time is measured by.

A fault may hold whatever is open while it lasts, and each may cost a lease that begins with it. So what is bounded is
the longest time between two faults, or after the last, for which a delivery that was due stayed open.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.chaos.duplicates import function_of
from tests.chaos.records import Delivery, Incident
from tests.lifecycle import ENDED

_HOLD_EVERYBODY = frozenset({"postgresql", "rabbitmq", "valkey", "relay"})


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a delivery may wait for when nothing holds it: the end of a lease, its retries, and relay twice."""

    lease_s: float
    relay_tick_s: float
    retry_delays_s: Sequence[float]

    @property
    def longest_s(self) -> float:
        return self.lease_s + 2 * self.relay_tick_s + sum(self.retry_delays_s)


def ended_at(delivery: Delivery) -> datetime | None:
    """When it reached its end, None while it is open."""
    ends = [event.at for event in delivery.events if event.name in ENDED]
    return ends[-1] if ends and delivery.status in ENDED else None


def undisturbed_s(delivery: Delivery, incidents: Iterable[Incident], *, until: datetime) -> float:
    """The longest it was due and open with no fault under way that could hold it."""
    longest_s, free_since = 0.0, delivery.due_at
    for incident in sorted(incidents, key=lambda each: each.began_at):
        if incident.began_at >= until:
            break
        if can_hold(incident, delivery) and incident.ended_at > free_since:
            longest_s = max(longest_s, (incident.began_at - free_since).total_seconds())
            free_since = incident.ended_at
    return max(longest_s, (until - free_since).total_seconds())


def can_hold(incident: Incident, delivery: Delivery) -> bool:
    """Whether what was done could delay this delivery at all."""
    own = (function_of(delivery.lane), f"{delivery.channel} provider")
    return incident.target in _HOLD_EVERYBODY or incident.target in own
