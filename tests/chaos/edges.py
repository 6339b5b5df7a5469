"""Whether the machine's drawing allows the history of one delivery, as the database kept it."""

from collections.abc import Iterator, Mapping, Sequence

from chalicelib.domain.notification import EventName
from tests.chaos.records import Event
from tests.lifecycle import BESIDE, illegal_steps

E = EventName

_STANDS: Mapping[EventName, set[str]] = {
    E.REPLAYED: {"queued", "scheduled"},
    E.REPUBLISHED: {"queued"},
    E.CANCEL_REQUESTED: {"sending"},
    E.DEFERRED: {"deferred", "queued"},
    E.SENDING: {"sending", "deferred"},
    E.DISCARDED: {"failed"},
}
"""Where the row may stand after an event that is not the state's own name, or tells more than one."""


def illegal_edges(events: Sequence[Event], *, status: str) -> Iterator[str]:
    """What the drawing does not allow, a line each; `status` is where the row says it stands."""
    history = [EventName(event.name) for event in events]
    yield from illegal_steps(list(_with_counted_deferrals(events)))
    last = next((event for event in reversed(history) if event not in BESIDE), None)
    if last is None or status not in _STANDS.get(last, {last}):
        yield f"the row says {status}, its last event {last or 'nothing'}"


def _with_counted_deferrals(events: Sequence[Event]) -> Iterator[EventName]:
    """Who is claimed as a probe and deferred again adds no row: the one that counts the deferrals tells of as many."""
    before, uncounted = "", 0
    for event in events:
        name = EventName(event.name)
        if before == name == E.SENDING and uncounted > 0:
            uncounted -= 1
            yield E.DEFERRED
        yield name
        if name in BESIDE:
            continue
        if name is not E.SENDING:
            uncounted = event.count - 1 if name is E.DEFERRED else 0
        before = name
