"""Logging in, carrying on, logging out: over sessions and accounts in memory that keep the stores' contracts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest

from chalicelib.domain.account import Account
from chalicelib.domain.principal import Principal, Scope
from chalicelib.domain.rate import Rate
from chalicelib.domain.session import RefreshToken, Session
from chalicelib.errors import CacheUnavailable, DatabaseUnavailable, Forbidden, TooManyRequests, Unauthenticated
from chalicelib.services.log_in import Accounts, LogIn, LoginRates, NewSessions, SessionTokens, log_in
from chalicelib.services.log_out import log_out
from chalicelib.services.refresh_session import refresh_session
from tests.fakes_auth import FakeAccounts, FakeLoginAttempts, FakeSessions, Mint
from tests.fakes_core import Died, Faulty, ManualClock

ADA = Account(uuid4(), "digest of correct horse")
ROOT = Account(uuid4(), "digest of battery staple", is_admin=True)
NOBODY_MAY = Account(uuid4(), None)
RATES = LoginRates(per_account=Rate(3, 900), per_network=Rate(5, 900))


@dataclass
class Door:
    """Everything that logging in needs, and the passwords that were compared."""

    clock: ManualClock = field(default_factory=ManualClock)
    compared: list[tuple[str, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sessions = FakeSessions(self.clock)
        self.attempts = FakeLoginAttempts(self.clock)
        self.accounts = FakeAccounts({"ada@example.com": ADA, "root@example.com": ROOT, "mute@example.com": NOBODY_MAY})

    def is_password(self, password: str, digest: str | None) -> bool:
        self.compared.append((password, digest))
        return digest == f"digest of {password}"

    def log_in(
        self,
        email: str = "ada@example.com",
        password: str = "correct horse",  # noqa: S107  a test's
        network: str = "203.0.113.7",
        *,
        accounts: Accounts | None = None,
        sessions: NewSessions | None = None,
    ) -> SessionTokens:
        return log_in(
            LogIn(email=email, password=password, network=network),
            accounts=accounts or self.accounts,
            sessions=sessions or self.sessions,
            attempts=self.attempts,
            rates=RATES,
            is_password=self.is_password,
            tokens=Mint(),
            clock=self.clock,
        )

    def refresh(self, token: str) -> SessionTokens:
        return refresh_session(token, sessions=self.sessions, accounts=self.accounts, tokens=Mint(), clock=self.clock)

    def fail(self, times: int, **of: str) -> None:
        for _ in range(times):
            with pytest.raises(Unauthenticated):
                self.log_in(**{"password": "wrong", **of})  # type: ignore[arg-type]


@pytest.fixture
def door() -> Door:
    return Door()


def test_a_person_gets_a_session_without_scopes_and_an_administrator_one_with_all(door: Door) -> None:
    ada, root = door.log_in(), door.log_in("root@example.com", "battery staple")
    assert ada.access.text == f"user:{ADA.user_id} may  from 12:00"
    assert root.access.text == f"user:{ROOT.user_id} may {','.join(sorted(Scope))} from 12:00"
    assert ada.access.expires_in_s == 900
    assert len(door.sessions.kept) == 2
    assert ada.refresh.secret not in repr(ada)


def test_an_address_has_no_case(door: Door) -> None:
    assert door.log_in("ADA@Example.com").access.text.startswith(f"user:{ADA.user_id}")


@pytest.mark.parametrize(
    ("email", "password", "digest"),
    [
        ("ada@example.com", "wrong", ADA.password_hash),
        ("mute@example.com", "", None),
        ("nobody@example.com", "correct horse", None),
    ],
)
def test_whoever_is_not_let_in_learns_nothing_more_and_costs_as_much(
    door: Door, email: str, password: str, digest: str | None
) -> None:
    with pytest.raises(Unauthenticated) as refused:
        door.log_in(email, password)
    assert refused.value.problem_code == "invalid_credentials"
    assert refused.value.detail == "The e-mail address or the password is wrong."
    assert door.compared == [(password, digest)]
    assert not door.sessions.kept


def test_after_some_failures_no_password_is_compared_not_even_the_right_one(door: Door) -> None:
    door.fail(3)
    with pytest.raises(TooManyRequests) as refused:
        door.log_in()
    assert refused.value.retry_after_s == 900
    assert len(door.compared) == 3
    door.clock.advance(900)
    assert door.log_in()


def test_unknown_addresses_are_counted_like_known_ones(door: Door) -> None:
    door.fail(3, email="nobody@example.com")
    with pytest.raises(TooManyRequests):
        door.log_in("nobody@example.com")


def test_only_failures_count(door: Door) -> None:
    for _ in range(40):
        door.log_in()
    door.fail(3)
    with pytest.raises(TooManyRequests):
        door.log_in()


def test_somebody_who_fails_elsewhere_does_not_lock_a_person_out(door: Door) -> None:
    door.fail(3, network="198.51.100.1")
    assert door.log_in()


def test_one_network_may_not_go_through_many_accounts(door: Door) -> None:
    for number in range(5):
        door.fail(1, email=f"person-{number}@example.com")
    with pytest.raises(TooManyRequests):
        door.log_in()
    assert door.log_in(network="198.51.100.1")


def test_guessing_at_one_account_from_everywhere_has_an_end(door: Door) -> None:
    for number in range(10):
        door.fail(3, network=f"198.51.100.{number}")
    with pytest.raises(TooManyRequests):
        door.log_in(network="192.0.2.1")


def test_while_postgresql_is_away_nobody_uses_up_their_attempts(door: Door) -> None:
    door.accounts.up = False
    for _ in range(9):
        with pytest.raises(DatabaseUnavailable):
            door.log_in()
    door.accounts.up = True
    assert door.log_in()


def test_without_redis_nobody_is_let_in(door: Door) -> None:
    door.sessions.up = False
    with pytest.raises(CacheUnavailable):
        door.log_in()


def test_a_login_that_dies_leaves_a_session_that_nobody_holds_a_token_of(door: Door) -> None:
    dying: NewSessions = Faulty(door.sessions, "open", Died(), effect=True)
    with pytest.raises(Died):
        door.log_in(sessions=dying)
    assert door.log_in().refresh.session_id not in list(door.sessions.kept)[:1]


class ChangedMeanwhile(FakeSessions):
    """Somebody changes the password, and ends all sessions, just before another session is opened."""

    def __init__(self, door: Door, change: Callable[[], None]) -> None:
        super().__init__(door.clock)
        self._change = change

    def open(self, session: Session, *, refresh: RefreshToken) -> None:
        self._change()
        self.end_all(session.user_id)
        super().open(session, refresh=refresh)


def test_a_login_with_a_password_that_is_changed_meanwhile_leaves_no_session(door: Door) -> None:
    sessions = ChangedMeanwhile(door, lambda: door.accounts.set_password("ada@example.com", "digest of another"))
    with pytest.raises(Unauthenticated):
        door.log_in(sessions=sessions)
    assert not sessions.kept


def test_a_login_of_somebody_who_is_erased_meanwhile_leaves_no_session(door: Door) -> None:
    sessions = ChangedMeanwhile(door, door.accounts.accounts.clear)
    with pytest.raises(Unauthenticated):
        door.log_in(sessions=sessions)
    assert not sessions.kept


def test_refreshing_gives_the_next_pair_and_ends_the_use_of_the_last(door: Door) -> None:
    first = door.log_in().refresh
    door.clock.advance(3600)
    second = door.refresh(first.text)
    assert second.access.text == f"user:{ADA.user_id} may  from 13:00"
    assert second.refresh.session_id == first.session_id
    assert second.refresh.secret != first.secret
    third = door.refresh(second.refresh.text)
    with pytest.raises(Unauthenticated):
        door.refresh(second.refresh.text)
    assert not door.sessions.kept
    with pytest.raises(Unauthenticated) as refused:
        door.refresh(third.refresh.text)
    assert refused.value.problem_code == "invalid_refresh_token"


@pytest.mark.parametrize("token", ["", ".", "x", "x.", ".x", "a.b", "a.b.c", "x" * 500, "é.\u2028"])
def test_what_is_no_refresh_token_is_refused(door: Door, token: str) -> None:
    door.log_in()
    with pytest.raises(Unauthenticated):
        door.refresh(token)
    assert len(door.sessions.kept) == 1


def test_a_session_does_not_outlive_the_password_it_was_opened_with(door: Door) -> None:
    token = door.log_in().refresh
    door.accounts.set_password("ada@example.com", "digest of another")
    with pytest.raises(Unauthenticated):
        door.refresh(token.text)
    assert not door.sessions.kept


def test_a_session_does_not_outlive_its_person(door: Door) -> None:
    token = door.log_in().refresh
    door.accounts.accounts.clear()
    with pytest.raises(Unauthenticated):
        door.refresh(token.text)
    assert not door.sessions.kept


def test_refreshing_gives_what_the_person_may_do_by_now(door: Door) -> None:
    token = door.log_in("root@example.com", "battery staple").refresh
    door.accounts.accounts["root@example.com"] = Account(ROOT.user_id, ROOT.password_hash)
    assert door.refresh(token.text).access.text == f"user:{ROOT.user_id} may  from 12:00"


def test_a_refresh_that_failed_for_a_server_can_be_tried_again(door: Door) -> None:
    token = door.log_in().refresh
    door.accounts.up = False
    with pytest.raises(DatabaseUnavailable):
        door.refresh(token.text)
    door.accounts.up, door.sessions.up = True, False
    with pytest.raises(CacheUnavailable):
        door.refresh(token.text)
    door.sessions.up = True
    assert door.refresh(token.text)


def test_a_refresh_that_dies_with_its_answer_makes_the_person_log_in_again(door: Door) -> None:
    token = door.log_in().refresh
    dying = Faulty(door.sessions, "rotate", Died(), effect=True)
    with pytest.raises(Died):
        refresh_session(token.text, sessions=dying, accounts=door.accounts, tokens=Mint(), clock=door.clock)
    with pytest.raises(Unauthenticated):
        door.refresh(token.text)
    assert door.log_in()


def person(user_id: UUID, session_id: str) -> Principal:
    return Principal(str(user_id), frozenset(), session_id=session_id)


def test_logging_out_ends_this_session_and_no_other(door: Door) -> None:
    here, there = door.log_in().refresh, door.log_in().refresh
    log_out(person(ADA.user_id, here.session_id), sessions=door.sessions)
    log_out(person(ADA.user_id, here.session_id), sessions=door.sessions)
    with pytest.raises(Unauthenticated):
        door.refresh(here.text)
    assert door.refresh(there.text)


def test_a_client_has_nothing_to_log_out_of(door: Door) -> None:
    with pytest.raises(Forbidden):
        log_out(Principal("billing", frozenset()), sessions=door.sessions)


def test_an_account_does_not_show_its_digest() -> None:
    assert "horse" not in repr(ADA)
    assert "horse" not in ADA.credential
    assert "horse" not in repr(LogIn("ada@example.com", "correct horse"))
