"""Carrying a session on: each refresh token is good once, and a session ends with whatever it stands on."""

import pytest

from chalicelib.domain.account import Account
from chalicelib.errors import CacheUnavailable, DatabaseUnavailable, Unauthenticated
from chalicelib.services.refresh_session import refresh_session
from tests.door import ADA, ROOT, Door
from tests.fakes_auth import Mint
from tests.fakes_core import Died, Faulty


@pytest.fixture
def door() -> Door:
    return Door()


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


def test_a_refresh_whose_answer_redis_could_not_give_ends_the_session_when_it_is_tried_again(door: Door) -> None:
    token = door.log_in().refresh
    unheard = Faulty(door.sessions, "rotate", CacheUnavailable("Redis: no answer"), effect=True)
    with pytest.raises(CacheUnavailable):
        refresh_session(token.text, sessions=unheard, accounts=door.accounts, tokens=Mint(), clock=door.clock)
    with pytest.raises(Unauthenticated):
        door.refresh(token.text)
    assert not door.sessions.kept


def test_whoever_has_seen_an_access_token_can_end_its_session_and_no_more(door: Door) -> None:
    here, there = door.log_in().refresh, door.log_in().refresh
    with pytest.raises(Unauthenticated):
        door.refresh(f"{here.session_id}.anything")
    assert list(door.sessions.kept) == [there.session_id]


def test_a_refresh_that_dies_with_its_answer_makes_the_person_log_in_again(door: Door) -> None:
    token = door.log_in().refresh
    dying = Faulty(door.sessions, "rotate", Died(), effect=True)
    with pytest.raises(Died):
        refresh_session(token.text, sessions=dying, accounts=door.accounts, tokens=Mint(), clock=door.clock)
    with pytest.raises(Unauthenticated):
        door.refresh(token.text)
    assert door.log_in()
