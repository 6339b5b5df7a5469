"""Whom a token speaks for now: sessions that end, clients that are revoked, and servers that cannot be asked."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest

from chalicelib.domain.client import ClientState
from chalicelib.domain.principal import Principal, Scope
from chalicelib.domain.rate import Rate
from chalicelib.domain.session import RefreshToken, Session
from chalicelib.errors import CacheUnavailable, DatabaseUnavailable, Unauthenticated
from chalicelib.security.keys import KeyRing
from chalicelib.security.tokens import AccessTokens
from chalicelib.security.verifier import FRESH_S, MOST_REMEMBERED, RememberedStates, Verifier
from tests.configured import signing_key
from tests.fakes_auth import FakeSessions
from tests.fakes_core import NOON, ManualClock

KEYS = {"new": signing_key(), "old": signing_key()}
TOKENS = AccessTokens(keys=KeyRing.parse(json.dumps(KEYS)), issuer="carillon", audience="api")
ADA = Principal(str(uuid4()), frozenset(), session_id="a-session")
BILLING = Principal("billing", frozenset({Scope.USERS_READ}))


@dataclass
class States:
    """The clients in PostgreSQL, and who was asked for. Away while `up` is false; reading may take its time."""

    states: dict[str, ClientState] = field(default_factory=lambda: {"billing": ClientState(rate=None)})
    up: bool = True
    read: list[str] = field(default_factory=list)
    now_s: float = 1000.0
    takes_s: float = 0.0

    def monotonic_s(self) -> float:
        return self.now_s

    def find_state(self, client_id: str) -> ClientState | None:
        self.read.append(client_id)
        found = self.states.get(client_id)
        self.now_s += self.takes_s
        if not self.up:
            raise DatabaseUnavailable("PostgreSQL: away")
        return found


@dataclass
class Guard:
    clock: ManualClock = field(default_factory=ManualClock)
    states: States = field(default_factory=States)

    def __post_init__(self) -> None:
        self.sessions = FakeSessions(self.clock)
        remembered = RememberedStates(states=self.states, monotonic_s=self.states.monotonic_s)
        self.verifier = Verifier(tokens=TOKENS, sessions=self.sessions, clients=remembered)

    def open(self, principal: Principal = ADA) -> None:
        assert principal.session_id is not None
        assert principal.user_id is not None
        session = Session(principal.session_id, principal.user_id, "credential")
        self.sessions.open(session, refresh=RefreshToken.of(session.id))

    def verify(self, principal: Principal) -> Principal:
        return self.verifier.verify(TOKENS.issue(principal, at=NOON), at=self.clock())

    def refused(self, principals: Sequence[Principal]) -> None:
        for principal in principals:
            with pytest.raises(Unauthenticated) as refused:
                self.verify(principal)
            assert refused.value.problem_code == "invalid_token"


@pytest.fixture
def guard() -> Guard:
    return Guard()


def test_a_persons_token_holds_while_their_session_goes_on(guard: Guard) -> None:
    guard.refused([ADA])
    guard.open()
    assert guard.verify(ADA) == ADA
    assert ADA.user_id is not None
    guard.sessions.end_all(ADA.user_id)
    guard.refused([ADA])
    assert not guard.states.read


def test_a_session_is_its_persons_alone(guard: Guard) -> None:
    guard.open()
    guard.refused([Principal(str(uuid4()), frozenset({Scope.ADMIN}), session_id="a-session")])


def test_a_persons_token_whose_session_cannot_be_looked_up_is_neither_good_nor_bad(guard: Guard) -> None:
    guard.open()
    guard.sessions.up = False
    with pytest.raises(CacheUnavailable):
        guard.verify(ADA)


def test_a_clients_token_needs_no_redis(guard: Guard) -> None:
    guard.sessions.up = False
    assert guard.verify(BILLING) == BILLING


def test_a_client_comes_with_its_own_rate(guard: Guard) -> None:
    guard.states.states["billing"] = ClientState(rate=Rate(10, 60))
    assert guard.verify(BILLING).rate == Rate(10, 60)


def test_a_client_that_is_not_there_is_refused(guard: Guard) -> None:
    guard.refused([Principal("stranger", frozenset({Scope.ADMIN}))])


def test_a_revoked_client_is_refused_within_five_seconds_and_costs_one_look_in_that_time(guard: Guard) -> None:
    for _ in range(100):
        assert guard.verify(BILLING)
    assert guard.states.read == ["billing"]
    del guard.states.states["billing"]
    guard.states.now_s += FRESH_S
    guard.refused([BILLING])
    assert FRESH_S < 5


def test_what_was_read_is_as_old_as_the_beginning_of_its_reading(guard: Guard) -> None:
    guard.states.takes_s = FRESH_S
    assert guard.verify(BILLING)
    del guard.states.states["billing"]
    guard.refused([BILLING])


def test_while_postgresql_is_away_a_client_is_known_for_as_long_as_it_is_remembered(guard: Guard) -> None:
    assert guard.verify(BILLING)
    guard.states.up = False
    assert guard.verify(BILLING)
    guard.states.now_s += FRESH_S
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            guard.verify(BILLING)
    guard.states.up = True
    assert guard.verify(BILLING)


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first(guard: Guard) -> None:
    remembered = RememberedStates(states=guard.states, monotonic_s=guard.states.monotonic_s)
    for number in range(MOST_REMEMBERED + 1):
        remembered.find_state(str(number))
    guard.states.read.clear()
    remembered.find_state(str(MOST_REMEMBERED))
    remembered.find_state("0")
    assert guard.states.read == ["0"]
    assert len(remembered._remembered) == MOST_REMEMBERED


@pytest.mark.parametrize("after_s", [900, 86_400])
def test_a_session_that_goes_on_makes_no_old_token_good(guard: Guard, after_s: int) -> None:
    guard.open()
    guard.clock.at += timedelta(seconds=after_s)
    guard.refused([ADA])


def test_another_signing_key_logs_nobody_out(guard: Guard) -> None:
    before = AccessTokens(keys=KeyRing.parse(json.dumps({"old": KEYS["old"]})), issuer="carillon", audience="api")
    guard.open()
    assert guard.verifier.verify(before.issue(ADA, at=NOON), at=NOON) == ADA
    assert guard.verifier.verify(before.issue(BILLING, at=NOON), at=NOON) == BILLING
    assert guard.verify(ADA) == ADA
