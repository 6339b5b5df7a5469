"""Which fault begins when: drawn from a seed, so that the same seed breaks the same things in the same order again.

Each track goes through its own faults one after the other, beside the others: so no two befall the same part at a time,
and any two parts may fail together.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.fault import Fault

FIRST_AFTER_S = 2.0
SHORTEST_GAP_S, LONGEST_GAP_S = 0.3, 2.0


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault that begins no sooner than `at_s` after the load does, and not before its track's last one is over."""

    at_s: float
    fault: Fault


Plan = Mapping[str, Sequence[Planned]]
"""By track."""


def draw(tracks: Mapping[str, Sequence[Fault]], *, rounds: int, calm_s: float, seed: int) -> Plan:
    """Every fault of every track once a round, in an order of its own each round, with short pauses between.

    All tracks begin a round together, `calm_s` after the longest of them has planned to end the one before.
    """
    chance = random.Random(f"plan {seed}")  # noqa: S311 - to be repeated, not to be secret
    plan: dict[str, list[Planned]] = {name: [] for name in tracks}
    begins_s = FIRST_AFTER_S
    for _ in range(rounds):
        ends_s = begins_s
        for name, faults in tracks.items():
            drawn = _round(chance.sample(faults, len(faults)), begins_s, chance)
            plan[name] += drawn
            ends_s = max([ends_s, *(each.at_s + each.fault.for_s for each in drawn)])
        begins_s = ends_s + calm_s
    return plan


def _round(faults: Sequence[Fault], begins_s: float, chance: random.Random) -> Sequence[Planned]:
    planned = []
    for fault in faults:
        begins_s += chance.uniform(SHORTEST_GAP_S, LONGEST_GAP_S)
        planned.append(Planned(round(begins_s, 2), fault))
        begins_s += fault.for_s
    return planned


def told(plan: Plan) -> str:
    """The plan, a line a fault, in order of time."""
    rows = sorted((each.at_s, track, each.fault) for track, faults in plan.items() for each in faults)
    return "\n".join(f"{at_s:7.1f} s  {fault.kind} {fault.target} for {fault.for_s} s" for at_s, _, fault in rows)
