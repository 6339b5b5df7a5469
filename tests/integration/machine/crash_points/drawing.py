"""How moves are drawn: those that lead into each other's way more often than those that lead out of it."""

from typing import TypeVar

from hypothesis import strategies as st

from tests.integration.machine.crash_points.moves import (
    LONGER_THAN_A_LEASE_S,
    MISHAPS,
    Accept,
    Archive,
    Beginning,
    BrokerErrs,
    BrokerIsWiped,
    Cancel,
    Deliver,
    Discard,
    Fate,
    GoOn,
    Move,
    Overtake,
    Pace,
    Relay,
    Replay,
    ReplayAll,
    Together,
)
from tests.integration.machine.crash_points.stage import Turn
from tests.integration.machine.crash_points.world import DEVICE, NAMED, PERSON

T = TypeVar("T")


def _any_of(*often: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """One of these; who stands here twice comes twice as often (`st.one_of` would not have it so)."""
    return st.sampled_from(often).flatmap(lambda one: one)


_WHICH = st.integers(0, 11)
_TARGETS = st.sampled_from([NAMED, PERSON, DEVICE])
_PACES = st.builds(Pace, st.integers(0, 7), st.sampled_from([*Fate, Fate.STANDS, Fate.STANDS, Fate.DIES]))
_ACCEPT = st.builds(
    Accept,
    _PACES,
    to=_TARGETS,
    count=st.integers(1, 2),
    key=st.sampled_from(["a", None]),
    send_in_s=st.sampled_from([0, 0, 0, 60]),
    expires_in_s=st.sampled_from([0, 0, 0, 4000]),
)
_DELIVER = st.builds(
    Deliver,
    _PACES,
    which=_WHICH,
    most=st.integers(1, 6),
    newest=st.booleans(),
    answer=st.sampled_from([Turn.GO] * 4 + [Turn.AWAY, Turn.AWAY, Turn.LOST, Turn.REFUSED, Turn.CIRCUIT_OPEN]),
    left_alone=st.sampled_from([False] * 5 + [True]),
    remaining_s=st.sampled_from([60] * 4 + [4]),
)
_RELAY = st.builds(Relay, _PACES, after_s=st.sampled_from([6, LONGER_THAN_A_LEASE_S, 31, 300, 0]))
_CANCEL = st.builds(Cancel, _PACES, which=_WHICH)
_REPLAY: st.SearchStrategy[Beginning] = _any_of(
    st.builds(Replay, _PACES, which=_WHICH), st.builds(ReplayAll, _PACES), st.builds(Discard, _PACES, which=_WHICH)
)
_BEGINNING = _any_of(_DELIVER, _DELIVER, _RELAY, _RELAY, _ACCEPT, _CANCEL, _REPLAY)
_TOGETHER = st.builds(Together, _BEGINNING, _BEGINNING, st.lists(st.booleans(), max_size=12))
_ACCEPTED_TWICE = st.builds(Together, _ACCEPT, _ACCEPT, st.lists(st.booleans(), max_size=12))
_SELDOM: st.SearchStrategy[Move] = _any_of(
    _CANCEL,
    _ACCEPTED_TWICE,
    st.builds(Archive, _PACES),
    st.builds(BrokerErrs, mishap=st.sampled_from(["copies", *MISHAPS]), which=_WHICH),
    st.just(BrokerIsWiped()),
)

FIRST = st.lists(_TARGETS, min_size=1, max_size=3)
MOVES: st.SearchStrategy[Move] = _any_of(
    _DELIVER,
    _DELIVER,
    _DELIVER,
    _RELAY,
    _RELAY,
    st.builds(GoOn, _WHICH, _PACES),
    st.builds(GoOn, _WHICH, _PACES),
    st.builds(Overtake, _WHICH),
    _TOGETHER,
    _TOGETHER,
    _ACCEPT,
    _REPLAY,
    _SELDOM,
    _SELDOM,
)
