"""What the keeping of sessions promises, tried on the real Redis and on the fake that other tests use."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID, uuid4

import pytest

from chalicelib.domain.session import RefreshToken, Session, new_session_id
from chalicelib.errors import CacheUnavailable
from chalicelib.services.log_in import NewSessions
from chalicelib.services.ports import Sessions
from chalicelib.services.refresh_session import OpenSessions
from chalicelib.stores.sessions import IDLE_S, SessionStore
from tests.contract_cache import ManualCache, taking_away
from tests.fakes_auth import FakeSessions
from tests.fakes_core import ManualClock

AT_ONCE = 50


class AllOfThem(NewSessions, OpenSessions, Sessions, Protocol):
    """Whatever anybody does with sessions."""


@dataclass
class Subject:
    sessions: AllOfThem
    let_pass: Callable[[float], None]
    take_away: Callable[[], None]

    def opened(self, user_id: UUID | None = None) -> tuple[Session, RefreshToken]:
        session = Session(new_session_id(), user_id or uuid4(), "credential")
        refresh = RefreshToken.of(session.id)
        self.sessions.open(session, refresh=refresh)
        return session, refresh

    def follow(self, session: Session, presented: RefreshToken) -> RefreshToken | None:
        following = RefreshToken.of(session.id)
        return following if self.sessions.rotate(session, presented=presented, following=following) else None


@pytest.fixture
def fake() -> Subject:
    clock = ManualClock()
    sessions = FakeSessions(clock)
    return Subject(sessions, clock.advance, taking_away(sessions))


@pytest.fixture
def real(cache: ManualCache) -> Subject:
    return Subject(SessionStore(cache=cache), cache.let_pass, cache.take_away)


def test_a_session_is_found_as_it_was_opened(subject: Subject) -> None:
    session, _ = subject.opened()
    assert subject.sessions.find(session.id) == session
    assert subject.sessions.find(new_session_id()) is None


def test_each_refresh_token_is_followed_by_one_other(subject: Subject) -> None:
    session, token = subject.opened()
    for _ in range(3):
        followed = subject.follow(session, token)
        assert followed is not None
        token = followed
    assert subject.sessions.find(session.id) == session


def test_a_token_that_comes_again_ends_the_session(subject: Subject) -> None:
    session, first = subject.opened()
    second = subject.follow(session, first)
    assert second is not None
    assert subject.follow(session, first) is None
    assert subject.sessions.find(session.id) is None
    assert subject.follow(session, second) is None


def test_a_token_that_was_never_issued_ends_the_session(subject: Subject) -> None:
    session, _ = subject.opened()
    assert subject.follow(session, RefreshToken.of(session.id)) is None
    assert subject.sessions.find(session.id) is None


def test_ending_one_session_leaves_the_others(subject: Subject) -> None:
    person = uuid4()
    one, other = subject.opened(person)[0], subject.opened(person)[0]
    for _ in range(2):
        subject.sessions.end(one.id, user_id=person)
    assert subject.sessions.find(one.id) is None
    assert subject.sessions.find(other.id) == other


def test_all_sessions_of_a_person_end_together_and_nobody_elses(subject: Subject) -> None:
    person = uuid4()
    of_person = [subject.opened(person) for _ in range(3)]
    subject.follow(*of_person[0])
    somebody_elses, _ = subject.opened()
    for _ in range(2):
        subject.sessions.end_all(person)
    assert [subject.sessions.find(session.id) for session, _ in of_person] == [None] * 3
    assert subject.follow(*of_person[1]) is None
    assert subject.sessions.find(somebody_elses.id) == somebody_elses


def test_a_session_ends_thirty_days_after_it_was_carried_on_last(subject: Subject) -> None:
    session, token = subject.opened()
    subject.let_pass(IDLE_S - 60)
    followed = subject.follow(session, token)
    assert followed is not None
    subject.let_pass(IDLE_S - 60)
    assert subject.sessions.find(session.id) == session
    subject.let_pass(61)
    assert subject.sessions.find(session.id) is None
    assert subject.follow(session, followed) is None


@pytest.mark.parametrize("call", ["open", "find", "rotate", "end", "end_all"])
def test_when_it_is_away_it_says_so(subject: Subject, call: str) -> None:
    session, token = subject.opened()
    subject.take_away()
    calls: dict[str, Callable[[], object]] = {
        "open": subject.opened,
        "find": lambda: subject.sessions.find(session.id),
        "rotate": lambda: subject.follow(session, token),
        "end": lambda: subject.sessions.end(session.id, user_id=session.user_id),
        "end_all": lambda: subject.sessions.end_all(session.user_id),
    }
    with pytest.raises(CacheUnavailable):
        calls[call]()


def test_of_fifty_who_present_one_token_at_once_exactly_one_is_followed_and_the_session_ends(real: Subject) -> None:
    session, token = real.opened()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        followed = [each for each in pool.map(lambda _: real.follow(session, token), range(AT_ONCE)) if each]
    assert len(followed) == 1
    assert real.sessions.find(session.id) is None


def test_nothing_that_redis_keeps_lets_anybody_in(real: Subject, cache: ManualCache) -> None:
    _, token = real.opened()
    with cache.client() as client:
        kept = [client.hgetall(name) for name in client.scan_iter("session:*")]
    assert len(kept) == 1
    assert token.secret not in str(kept)


def test_the_list_of_a_persons_sessions_forgets_those_that_ended_by_themselves(
    real: Subject, cache: ManualCache
) -> None:
    person = uuid4()
    with cache.client() as client:
        client.zadd(f"sessions-of:{person}", {"long-gone": 1})
        real.opened(person)
        assert client.zcard(f"sessions-of:{person}") == 1
