"""Logging in and out: over sessions and accounts in memory that keep the stores' contracts."""

from collections.abc import Callable
from uuid import UUID

import pytest

from chalicelib.domain.principal import Principal, Scope
from chalicelib.domain.session import RefreshToken, Session
from chalicelib.errors import CacheUnavailable, DatabaseUnavailable, Forbidden, TooManyRequests, Unauthenticated
from chalicelib.services.limit_rate import site_of
from chalicelib.services.log_in import LogIn, NewSessions
from chalicelib.services.log_out import log_out
from tests.door import ADA, ROOT, Door
from tests.fakes_auth import FakeSessions
from tests.fakes_core import Died, Faulty


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


def test_the_networks_of_one_allocation_are_one_place_and_lock_nobody_out_elsewhere(door: Door) -> None:
    of_one_60 = [site_of(f"2001:db8:7:{network:x}::1") for network in range(0x40, 0x50)]
    door.fail(3, network=of_one_60[0])
    for network in of_one_60:
        with pytest.raises(TooManyRequests):
            door.log_in(network=network)
    assert door.log_in(network=site_of("2001:db8:8::1"))


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
