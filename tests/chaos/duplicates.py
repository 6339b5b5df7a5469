"""Why something arrived more than once: each copy belongs to one provider call whose outcome nobody could write down.

A call begins with `sending` and ends with the event that follows. One that ended as `sent` accounts for one copy. Any
other accounts for one only with evidence:

(a) the function died or stood still between the call and the settle: the lease ended, or the outcome came too late,
    and a fault hit this very function meanwhile;
(b) the provider's answer was ambiguous: the call ended as `outcome_unknown`, or the sink kept the message without
    writing its acceptance, because that was its mood;
(c) the settle could not be written: the lease ended while the database was away.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.notification import EventName
from tests.chaos.records import Arrival, Delivery, Event, Incident
from tests.lifecycle import BESIDE

AMBIGUOUS_MOODS = frozenset({"slow", "half_closing", "accepts_then_drops", "trickling"})
_SAME_MOMENT = timedelta(milliseconds=50)
"""A row's time is taken when it is written, a mail's when it is read: of two within this, neither is first."""

_FOR_EVER = timedelta(days=1)
_NO_TURN = BESIDE | {EventName.REPUBLISHED, EventName.CANCEL_REQUESTED, EventName.DISCARDED}
"""What is noted while a message is where it was."""


@dataclass(frozen=True, slots=True)
class Call:
    """One stay in a worker's hands. `cause` is the letter of the explanation, None when it accounts for no copy."""

    began_at: datetime
    latest_at: datetime
    cause: str | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Explained:
    """One copy beyond the first, and the call that made it."""

    delivery_id: str
    cause: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A copy that no call accounts for."""

    delivery: Delivery
    arrivals: Sequence[Arrival]


def explain(
    delivery: Delivery, arrivals: Sequence[Arrival], incidents: Iterable[Incident]
) -> Sequence[Explained] | Unexplained:
    """One explanation for each copy beyond the first, or none at all: then the delivery is the finding."""
    touching = [each for each in incidents if _concerns(each, delivery)]
    calls = [call for call in calls_of(delivery, arrivals, touching) if call.cause is not None]
    matched = _match(calls, sorted(arrivals, key=lambda each: each.at))
    if matched is None:
        return Unexplained(delivery, arrivals)
    extra = sorted(matched, key=lambda call: call.cause == "sent")[: len(arrivals) - 1]
    return [Explained(delivery.delivery_id, str(call.cause), call.evidence) for call in extra]


def calls_of(delivery: Delivery, arrivals: Sequence[Arrival], incidents: Sequence[Incident]) -> Sequence[Call]:
    """Every stay in a worker's hands, in order."""
    turning = [event for event in delivery.events if event.name not in _NO_TURN]
    late = [event for event in delivery.events if event.name == "outcome_late"]
    return [
        _call(event, end, late, arrivals, incidents)
        for event, end in zip(turning, [*turning[1:], None], strict=True)
        if event.name == "sending"
    ]


def _call(
    began: Event, end: Event | None, late: Sequence[Event], arrivals: Sequence[Arrival], incidents: Sequence[Incident]
) -> Call:
    until = end.at if end is not None else began.at + _FOR_EVER
    if end is not None and end.name == "sent":
        return Call(began.at, until, "sent", "it was settled as sent")
    if end is None or end.name == "lease_ended":
        # who stood still may make its call long after its lease
        cause, evidence = _unsettled(began, until, late, incidents)
        return Call(began.at, began.at + _FOR_EVER, cause, evidence)
    if "outcome_unknown" in (end.reason, (end.detail or "").partition(":")[0]):
        return Call(began.at, until, "b", f"settled as outcome_unknown at {end.at:%H:%M:%S.%f}")
    mood = next((each for each in incidents if _is_ambiguous(each) and each.touches(began.at, until)), None)
    unanswered = [each for each in arrivals if not each.answered and began.at - _SAME_MOMENT <= each.at <= until]
    if mood is not None and unanswered:
        return Call(began.at, until, "b", f"kept without an answer: {mood}")
    return Call(began.at, until, None, f"it was settled as {end.name}")


def _unsettled(
    began: Event, until: datetime, late: Sequence[Event], incidents: Sequence[Incident]
) -> tuple[str | None, str]:
    meanwhile = [each for each in incidents if each.touches(began.at, until)]
    hit = next((each for each in meanwhile if each.kind in ("kill", "freeze") and _is_function(each)), None)
    if hit is not None:
        came_late = next((f"; outcome_late at {each.at:%H:%M:%S.%f}" for each in late if each.at >= until), "")
        return "a", f"lease ended at {until:%H:%M:%S.%f}: {hit}{came_late}"
    away = next((each for each in meanwhile if each.target == "postgresql"), None)
    if away is not None:
        return "c", f"lease ended at {until:%H:%M:%S.%f}: {away}"
    return None, f"lease ended at {until:%H:%M:%S.%f}, and nothing had happened"


def _match(calls: Sequence[Call], arrivals: Sequence[Arrival]) -> Sequence[Call] | None:
    """A call of its own for each arrival, None when there are too few: the one that ends first is taken first."""
    left = list(calls)
    matched = []
    for arrival in arrivals:
        around = [call for call in left if call.began_at - _SAME_MOMENT <= arrival.at <= call.latest_at + _SAME_MOMENT]
        if not around:
            return None
        taken = min(around, key=lambda call: call.latest_at)
        left.remove(taken)
        matched.append(taken)
    return matched


def function_of(lane: str) -> str:
    """The function that delivers a lane."""
    return f"deliver_{lane.replace('.', '_')}"


def _concerns(incident: Incident, delivery: Delivery) -> bool:
    targets = (function_of(delivery.lane), "postgresql", f"{delivery.channel} provider")
    return incident.target in targets


def _is_function(incident: Incident) -> bool:
    return incident.target.startswith("deliver_")


def _is_ambiguous(incident: Incident) -> bool:
    return incident.kind in AMBIGUOUS_MOODS and incident.target.endswith(" provider")
