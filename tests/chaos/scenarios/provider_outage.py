"""The only e-mail provider is away for two minutes, with 5,000 messages waiting for it.

None fails, all are sent soon after its return, nothing but probes is tried while its circuit is open, and the history
of a message that waited grows by three rows: deferred (counted), sending, sent.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from tests.chaos.drill import alone
from tests.chaos.fault import World
from tests.chaos.moods import Mood
from tests.chaos.quiet import wait_quiet
from tests.chaos.records import Delivery
from tests.chaos.scenarios.figures import Figure, at_most, exactly, tell
from tests.chaos.scenarios.waiting_messages import ends, last_sent_at, read, waiting
from tests.chaos.scene import FOLDER, SETTINGS, whole_system
from tests.e2e.api import address, succeeded

MESSAGES = 5_000
OUTAGE_S = 120.0
SENT_WITHIN_S = 90.0
ROWS_A_MESSAGE = 3
CIRCUIT = "email:mailsink"
IN_HAND = 100
"""A batch: what was claimed when the circuit opened has one row more."""

# As in production: nothing of what this is about is made quicker.
PRODUCTION = {"CIRCUIT_OPEN_S": "30", "RETRY_DELAYS_S": "5,25,125", "PROVIDER_TIMEOUT_S": "15"}
FUNCTION_TIMEOUT_S = 60
LOOK_EVERY_S = 0.25
SETTLED_WITHIN = timedelta(seconds=1.5)
"""An attempt's end is written a moment after it was reported to the circuit."""


def run(*, seed: int, say: Callable[[str], None], messages: int = MESSAGES, outage_s: float = OUTAGE_S) -> bool:
    """Whether every figure is as it is wanted."""
    del seed  # there is nothing to draw
    settings = {**SETTINGS, **PRODUCTION}
    with whole_system(say=say, settings=settings, function_timeout_s=FUNCTION_TIMEOUT_S) as world:
        openings: list[datetime] = []
        with waiting(world, [address() for _ in range(messages)]) as let_go:
            before = read(world)

            def meanwhile() -> None:
                let_go()
                _watch(world, outage_s, openings)

            incident = alone(world, Mood("refusing", "email", outage_s), while_it_lasts=meanwhile)
        say(f"the provider is back after {(incident.ended_at - incident.began_at).total_seconds():.0f} s")
        unrest = wait_quiet(world, within_s=3 * SENT_WITHIN_S)
        after = read(world)
    say(f"logs: {FOLDER / 'logs'}")
    return tell(_figures(before, after, openings, incident.ended_at, unrest), say)


def _watch(world: World, for_s: float, openings: list[datetime]) -> None:
    """Note each moment at which the circuit opened."""
    ends_at_s = time.monotonic() + for_s
    while time.monotonic() < ends_at_s:
        listed = succeeded(world.client.call("GET /v1/circuits"))["items"]
        opened_at = next(each["opened_at"] for each in listed if each["name"] == CIRCUIT)
        if opened_at is not None and _is_new(moment := datetime.fromisoformat(opened_at), openings):
            openings.append(moment)
            world.say(f"the circuit opened at {moment:%H:%M:%S}")
        time.sleep(LOOK_EVERY_S)


def _is_new(moment: datetime, openings: Sequence[datetime]) -> bool:
    """The same moment is told a little differently by each clock."""
    return all(abs(moment - known) > SETTLED_WITHIN for known in openings)


def _figures(
    before: Mapping[str, Delivery],
    after: dict[str, Delivery],
    openings: Sequence[datetime],
    back_at: datetime,
    unrest: str | None,
) -> list[Figure]:
    states, last = ends(after), last_sent_at(after)
    grown = sorted(len(each.events) - len(before[each.delivery_id].events) for each in after.values())
    failed_at = [event.at for each in after.values() for event in each.events if event.name == "retrying"]
    probes = len(openings) - 1
    return [
        exactly("quiet", unrest or "yes", "yes"),
        exactly("sent", states["sent"], len(before)),
        exactly("failed, expired or cancelled", sum(states.values()) - states["sent"], 0),
        at_most("last sent, s after the provider's return", _seconds(back_at, last), SENT_WITHIN_S),
        Figure("circuit opened", len(openings), "≥ 1", holds=bool(openings)),
        Figure("attempts spent before it opened", sum(_is_before(at, openings) for at in failed_at)),
        at_most("attempts spent by probes", sum(_is_of_a_probe(at, openings) for at in failed_at), probes),
        exactly("attempts spent while it was open", sum(_is_spent_in_vain(at, openings) for at in failed_at), 0),
        at_most("rows a message, median", grown[len(grown) // 2], ROWS_A_MESSAGE),
        at_most("messages with more rows", sum(rows > ROWS_A_MESSAGE for rows in grown), IN_HAND + probes),
        Figure("rows a message, mean", round(sum(grown) / len(grown), 3)),
    ]


def _seconds(since: datetime, moment: datetime | None) -> float:
    return float("inf") if moment is None else round((moment - since.astimezone(UTC)).total_seconds(), 1)


def _is_before(at: datetime, openings: Sequence[datetime]) -> bool:
    return not openings or at <= openings[0] + SETTLED_WITHIN


def _is_of_a_probe(at: datetime, openings: Sequence[datetime]) -> bool:
    """A probe that fails opens the circuit again."""
    return not _is_before(at, openings) and any(abs(at - opened_at) <= SETTLED_WITHIN for opened_at in openings[1:])


def _is_spent_in_vain(at: datetime, openings: Sequence[datetime]) -> bool:
    return not _is_before(at, openings) and not _is_of_a_probe(at, openings)
