"""Which event may follow which in the history of one delivery: the machine's drawing, as a table.

Whatever recorded a history, be it a test's own world or a whole stack under fire, is held to this one.
"""

from collections.abc import Iterable, Mapping, Sequence

from chalicelib.domain.notification import EventName

E = EventName

ENDED = frozenset({E.SENT, E.FAILED, E.SKIPPED, E.EXPIRED, E.CANCELLED})
BESIDE = frozenset({E.OUTCOME_LATE, E.DEVICE_REMOVED})
"""Told whenever a worker brings it, and changing nothing: the outcome of a lease that has ended comes at any time."""

_ON_THE_WAY = frozenset({E.QUEUED, E.DEFERRED, E.CANCELLED, E.EXPIRED})
_IN_THE_BROKER = _ON_THE_WAY | {E.SENDING, E.REPUBLISHED}
_IN_ITS_QUEUE = _IN_THE_BROKER - {E.QUEUED}
_IN_HAND = frozenset({E.SENT, E.FAILED, E.SKIPPED, E.EXPIRED, E.CANCELLED, E.RETRYING, E.DEFERRED, E.QUEUED})

FOLLOWS: Mapping[EventName | None, frozenset[EventName]] = {
    None: frozenset({E.SCHEDULED, E.ACCEPTED, E.SKIPPED}),
    E.SCHEDULED: _ON_THE_WAY,
    E.ACCEPTED: _ON_THE_WAY,
    E.RETRYING: _ON_THE_WAY,
    # a counted deferral's way back into its queue, and out of it, has no event of its own
    E.DEFERRED: _IN_THE_BROKER,
    E.QUEUED: _IN_ITS_QUEUE,
    E.REPUBLISHED: _IN_ITS_QUEUE,
    E.SENDING: _IN_HAND | {E.LEASE_ENDED, E.CANCEL_REQUESTED},
    # this attempt is the last one, whoever ends it
    E.CANCEL_REQUESTED: frozenset({E.SENT, E.FAILED, E.SKIPPED, E.EXPIRED, E.CANCELLED, E.LEASE_ENDED}),
    E.LEASE_ENDED: frozenset({E.QUEUED, E.CANCELLED, E.EXPIRED}),
    E.FAILED: frozenset({E.REPLAYED, E.DISCARDED}),
    E.REPLAYED: _IN_THE_BROKER | {E.SCHEDULED},
    E.SENT: frozenset(),
    E.SKIPPED: frozenset(),
    E.EXPIRED: frozenset(),
    E.CANCELLED: frozenset(),
    E.DISCARDED: frozenset(),
}


def illegal_steps(history: Iterable[EventName]) -> list[str]:
    """Each step of a delivery's history that the machine does not know, as `before → after`."""
    illegal: list[str] = []
    before: EventName | None = None
    was_in_hand = False
    for event in history:
        if event in BESIDE:
            if not was_in_hand:
                illegal.append(f"{before} → {event}")
            continue
        if event not in FOLLOWS[before]:
            illegal.append(f"{before} → {event}")
        was_in_hand |= event is E.SENDING
        before = event
    return illegal


def ends_of_claims(history: Sequence[EventName]) -> list[EventName | None]:
    """How each turn in a worker's hands ended, in their order; None of one that has not."""
    ends: list[EventName | None] = []
    in_hand = False
    for event in history:
        if event is E.SENDING:
            ends.append(None)
            in_hand = True
        elif in_hand and event in _IN_HAND | {E.LEASE_ENDED}:
            ends[-1] = event
            in_hand = False
    return ends
