"""Which event may follow which: the delivery state machine, read off the history of one delivery."""

from collections.abc import Iterator, Sequence

from tests.chaos.records import Event

TERMINAL = frozenset({"sent", "failed", "skipped", "expired", "cancelled"})
BESIDE = frozenset({"outcome_late", "device_removed", "republished", "cancel_requested", "discarded"})
"""What is noted without a change of state."""

_ENDED_UNTRIED = frozenset({"cancelled", "expired"})
_TRIED = frozenset({"sent", "retrying", "deferred", "failed", "skipped", "queued", "lease_ended"})
_WAITS = frozenset({"queued", "deferred"}) | _ENDED_UNTRIED
_NEXT = {
    "": frozenset({"scheduled", "accepted", "skipped"}),
    "scheduled": _WAITS,
    "accepted": _WAITS,
    # a message whose row nobody marked as queued any more is claimed as if it were
    "queued": _WAITS - {"queued"} | {"sending"},
    "sending": _TRIED | _ENDED_UNTRIED,
    "lease_ended": frozenset({"queued", "failed"}) | _ENDED_UNTRIED,
    "retrying": _WAITS,
    # the way back to the queue is told by the row that counts the deferrals
    "deferred": _WAITS | {"sending"},
    "failed": frozenset({"replayed"}),
    "replayed": frozenset({"queued", "scheduled"}),
}

_STANDS = {"replayed": {"queued", "scheduled"}, "deferred": {"deferred", "queued"}, "sending": {"sending", "deferred"}}
"""Where the row may stand after an event that is not the state's own name, or tells more than one."""


def states_of(events: Sequence[Event]) -> list[Event]:
    """The events that changed the state, in order."""
    return [event for event in events if event.name not in BESIDE]


def illegal_edges(events: Sequence[Event], *, status: str) -> Iterator[str]:
    """What the state machine does not allow, a line each; `status` is where the row says it stands.

    Who is claimed as a probe and deferred again adds no row: the one that counts the deferrals accounts for as many.
    """
    before, uncounted = "", 0
    for event in states_of(events):
        if before == event.name == "sending" and uncounted > 0:
            uncounted -= 1
        elif event.name not in _NEXT.get(before, frozenset()):
            yield f"{before or 'nothing'} → {event.name}"
        if event.name != "sending":
            uncounted = event.count - 1 if event.name == "deferred" else 0
        before = event.name
    if status not in _STANDS.get(before, {before}):
        yield f"the row says {status}, its last event {before or 'nothing'}"
