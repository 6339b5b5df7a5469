"""Finding, changing and erasing people: who may do what, and what is left if the process dies on any line."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any, cast
from uuid import UUID

import pytest

from chalicelib.domain.audit import NewAudit
from chalicelib.domain.erasure import PendingErasure
from chalicelib.domain.user import CHANGEABLE_BY_ONESELF, User, UserField, UserFilter
from chalicelib.errors import (
    CacheUnavailable,
    CarillonError,
    Conflict,
    DatabaseUnavailable,
    Forbidden,
    NotFound,
    PreconditionFailed,
)
from chalicelib.services.change_user import ChangeUser, change_user
from chalicelib.services.create_user import CreateUser, create_user
from chalicelib.services.erase_user import MOST_PAGES, PAGE, EraseUser, Traces, erase_user, finish_erasures
from chalicelib.services.find_user import find_user, list_users
from tests.contract_people import SOMEBODY, a_stranger, a_user
from tests.fakes_core import Died, Faulty
from tests.fakes_people import FakeUsers
from tests.fakes_preferences import FakePreferencesMemory
from tests.machine import SilentLog

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class FakeSessions:
    open: set[UUID] = field(default_factory=set)
    ended: list[UUID] = field(default_factory=list)

    def end_all(self, user_id: UUID) -> None:
        self.open.discard(user_id)
        self.ended.append(user_id)


@dataclass
class FakeErasures:
    users: FakeUsers
    pending: dict[UUID, bool] = field(default_factory=dict)
    audits: list[NewAudit] = field(default_factory=list)

    def begin(self, user_id: UUID, *, if_match: frozenset[int] | None, may_erase_admins: bool, audit: NewAudit) -> None:
        user = find_user(user_id, users=self.users)
        if user.is_admin and not may_erase_admins:
            raise Forbidden("an administrator")
        if if_match is not None and user.revision not in if_match:
            raise PreconditionFailed("changed")
        if user.is_admin and not self.users.has_other_administrators(user_id):
            raise Conflict("the last one", code="last_administrator")
        del self.users.users[user_id]
        self.pending[user_id] = False
        self.audits.append(audit)

    def take_pending(self, *, limit: int) -> list[PendingErasure]:
        return [PendingErasure(user_id, is_last) for user_id, is_last in self.pending.items()][:limit]

    def finish(self, user_id: UUID) -> None:
        self.pending.pop(user_id, None)


@dataclass
class FakeNotifications:
    of: dict[UUID, set[UUID]] = field(default_factory=dict)
    in_hand: set[UUID] = field(default_factory=set)

    def find(self, user_id: UUID, *, limit: int) -> list[UUID]:
        return sorted(self.of.get(user_id, ()))[:limit]

    def erase(self, user_id: UUID, notification_ids: Collection[UUID]) -> int:
        theirs = self.of.get(user_id, set()) & set(notification_ids) - self.in_hand
        self.of[user_id] = self.of.get(user_id, set()) - theirs
        return len(theirs)


@dataclass
class FakeProgress:
    remembered: set[UUID] = field(default_factory=set)

    def forget_surely(self, notification_ids: Collection[UUID]) -> None:
        self.remembered -= set(notification_ids)


Values = Any  # whatever is given of a command's fields


@dataclass
class World:
    users: FakeUsers = field(default_factory=FakeUsers)
    sessions: FakeSessions = field(default_factory=FakeSessions)
    preferences: FakePreferencesMemory = field(default_factory=FakePreferencesMemory)
    notifications: FakeNotifications = field(default_factory=FakeNotifications)
    progress: FakeProgress = field(default_factory=FakeProgress)

    def __post_init__(self) -> None:
        self.erasures = FakeErasures(self.users)
        self.ada = self.users.insert(a_user())

    def change(self, user: User, *given: UserField, by_admin: bool = False, own: bool = False, **values: Any) -> User:
        command = ChangeUser(user.id, SOMEBODY, given=frozenset(given), only_own=own, is_by_admin=by_admin, **values)
        return change_user(
            command,
            users=self.users,
            sessions=self.sessions,
            preferences=self.preferences,
            hash_password=lambda password: f"digest of {password}",
            clock=lambda: NOW,
        )

    @property
    def traces(self) -> Traces:
        return Traces(self.notifications, self.progress, self.sessions, self.preferences, SilentLog())

    def erase(self, user: User, **options: Any) -> None:
        command = EraseUser(user.id, SOMEBODY, **options)
        erase_user(command, erasures=self.erasures, traces=self.traces, clock=lambda: NOW)

    def finish(self, remaining_s: float = 60) -> None:
        finish_erasures(erasures=self.erasures, traces=self.traces, remaining_s=lambda: remaining_s)

    def leave_traces(self) -> None:
        self.sessions.open.add(self.ada.id)
        self.give_notifications(3)
        self.preferences.entries[self.ada.id] = cast(Any, "remembered")

    def give_notifications(self, count: int) -> None:
        given = {a_stranger() for _ in range(count)}
        self.notifications.of[self.ada.id] = given
        self.progress.remembered |= given

    @property
    def is_clean(self) -> bool:
        left = (self.sessions.open, self.preferences.entries, self.users.users)
        return self.ada.id not in set(chain(*left)) and not self.remaining and not self.progress.remembered

    @property
    def remaining(self) -> set[UUID]:
        return self.notifications.of.get(self.ada.id, set())


def a_value(of: UserField, value: str) -> dict[str, Values]:
    return {of: value}


@pytest.fixture
def world() -> World:
    return World()


def test_people_are_found_and_come_in_pages(world: World) -> None:
    for number in range(2):
        world.users.insert(a_user(f"p{number}@example.com"))
    assert find_user(world.ada.id, users=world.users) == world.ada
    first = list_users(UserFilter(), before=None, limit=2, users=world.users)
    rest = list_users(UserFilter(), before=first.users[-1].id, limit=2, users=world.users)
    assert (len(first.users), first.more, len(rest.users), rest.more) == (2, True, 1, False)
    with pytest.raises(NotFound):
        find_user(a_stranger(), users=world.users)


def test_only_an_administrator_makes_an_administrator(world: World) -> None:
    for may in (False, True):
        command = CreateUser(by=SOMEBODY, email="root@example.com", name="R", is_admin=True, may_make_admins=may)
        if not may:
            with pytest.raises(Forbidden):
                create_user(command, users=world.users, hash_password=str, clock=lambda: NOW)
            continue
        assert create_user(command, users=world.users, hash_password=str, clock=lambda: NOW).is_admin
    with pytest.raises(Forbidden):
        world.change(world.ada, UserField.IS_ADMIN, is_admin=True)
    assert world.change(world.ada, UserField.IS_ADMIN, is_admin=True, by_admin=True).is_admin


@pytest.mark.parametrize("field_", UserField)
def test_of_oneself_one_changes_what_others_do_not_rely_on(world: World, field_: UserField) -> None:
    if field_ in CHANGEABLE_BY_ONESELF:
        assert world.change(world.ada, field_, own=True, **a_value(field_, "Europe/Paris")).revision == 2
        return
    with pytest.raises(Forbidden):
        world.change(world.ada, field_, own=True, **a_value(field_, "x"))
    assert world.users.users[world.ada.id] == world.ada


def test_nobody_takes_over_an_administrator(world: World) -> None:
    admin = world.users.insert(a_user("root@example.com", is_admin=True))
    for field_ in UserField:
        with pytest.raises(Forbidden):
            world.change(admin, field_, **a_value(field_, "x"))
    with pytest.raises(Forbidden):
        world.change(admin)
    with pytest.raises(Forbidden):
        world.erase(admin)
    assert world.sessions.ended == []
    assert world.change(admin, UserField.NAME, name="Root", by_admin=True).name == "Root"
    world.users.insert(a_user("other@example.com", is_admin=True))
    world.erase(admin, may_erase_admins=True)


def test_whoever_set_the_password_of_a_new_administrator_cannot_use_it(world: World) -> None:
    world.change(world.ada, UserField.PASSWORD, password="planted horse")
    world.change(world.ada, UserField.IS_ADMIN, is_admin=True, by_admin=True)
    assert world.users.password_hashes[world.ada.id] is None
    grace = world.users.insert(a_user("grace@example.com", password_hash="planted"))
    both = (UserField.IS_ADMIN, UserField.PASSWORD)
    world.change(grace, *both, by_admin=True, is_admin=True, password="correct horse")
    assert world.users.password_hashes[grace.id] == "digest of correct horse"


def test_the_last_administrator_stays_one_and_stays_logged_in(world: World) -> None:
    root = world.users.insert(a_user("root@example.com", is_admin=True))
    world.sessions.open.add(root.id)
    with pytest.raises(Conflict) as refused:
        world.change(root, UserField.IS_ADMIN, is_admin=False, by_admin=True)
    assert refused.value.problem_code == "last_administrator"
    with pytest.raises(Conflict):
        world.erase(root, may_erase_admins=True)
    assert world.sessions.open == {root.id}
    world.change(world.ada, UserField.IS_ADMIN, is_admin=True, by_admin=True)
    assert not world.change(root, UserField.IS_ADMIN, is_admin=False, by_admin=True).is_admin


def test_another_password_ends_all_sessions_and_a_name_does_not(world: World) -> None:
    world.leave_traces()
    world.change(world.ada, UserField.NAME, name="Augusta")
    assert world.sessions.ended == []
    world.change(world.ada, UserField.PASSWORD, password="correct horse", own=True)
    assert world.sessions.open == set()
    assert world.users.password_hashes[world.ada.id] == "digest of correct horse"
    assert [audit.detail for audit in world.users.audits] == [{"fields": ["name"]}, {"fields": ["password"]}]


def test_without_redis_a_password_stays_as_it_is_and_a_name_does_not(world: World) -> None:
    world.sessions = cast(FakeSessions, Faulty(world.sessions, "end_all", CacheUnavailable("away"), effect=False))
    world.preferences.up = False
    with pytest.raises(CacheUnavailable):
        world.change(world.ada, UserField.PASSWORD, password="correct horse")
    assert world.users.password_hashes[world.ada.id] is None
    assert world.change(world.ada, UserField.NAME, name="Augusta").name == "Augusta"


def test_a_refused_change_ends_no_session(world: World) -> None:
    for refused in (PreconditionFailed, NotFound):
        with pytest.raises(refused):
            world.change(world.ada, UserField.PASSWORD, password="correct horse", if_match=frozenset({7}))
        world.users.users.clear()
    assert world.sessions.ended == []


def test_a_patch_of_nothing_changes_nothing_and_keeps_its_condition(world: World) -> None:
    assert world.change(world.ada) == world.ada
    with pytest.raises(PreconditionFailed):
        world.change(world.ada, if_match=frozenset({2}))
    assert world.users.audits == []


def test_a_time_zone_that_is_removed_is_utc_and_what_is_remembered_of_it_is_forgotten(world: World) -> None:
    world.leave_traces()
    assert world.change(world.ada, UserField.TIMEZONE, timezone=None).timezone == "UTC"
    assert world.preferences.entries == {}


def test_after_an_erasure_nothing_is_left_and_the_erasure_itself_stays_noted(world: World) -> None:
    world.leave_traces()
    world.erase(world.ada, if_match=frozenset({1}))
    assert world.is_clean
    assert world.erasures.pending == {world.ada.id: False}
    assert [(audit.action, audit.detail) for audit in world.erasures.audits] == [("user.erased", {})]


def test_what_is_written_meanwhile_is_erased_until_nothing_can_be_written_any_more(world: World) -> None:
    world.erase(world.ada)
    world.leave_traces()  # an accept and a login that had read the person before
    world.finish()
    assert world.is_clean
    assert world.ada.id in world.erasures.pending
    world.leave_traces()
    world.erasures.pending[world.ada.id] = True
    world.finish()
    assert world.is_clean
    assert world.erasures.pending == {}


def test_a_refused_erasure_erases_nothing(world: World) -> None:
    world.leave_traces()
    with pytest.raises(PreconditionFailed):
        world.erase(world.ada, if_match=frozenset({7}))
    assert world.ada.id in world.users.users
    assert world.sessions.ended == []
    world.erase(world.ada)
    with pytest.raises(NotFound):
        world.erase(world.ada)


PLACES = [
    ("notifications", "find"),
    ("progress", "forget_surely"),
    ("notifications", "erase"),
    ("sessions", "end_all"),
    ("preferences", "forget"),
]
LINES = [(place, call, effect) for place, call in [("erasures", "begin"), *PLACES] for effect in (False, True)]


@pytest.mark.parametrize(("place", "call", "effect"), LINES)
@pytest.mark.parametrize("error", [Died(), DatabaseUnavailable("away"), CacheUnavailable("away")], ids=repr)
def test_wherever_an_erasure_stops_it_is_finished_later_or_was_never_promised(
    world: World, place: str, call: str, effect: bool, error: BaseException
) -> None:
    world.leave_traces()
    sound = getattr(world, place)
    setattr(world, place, Faulty(sound, call, error, effect=effect))
    try:
        world.erase(world.ada)
        promised = True
    except (CarillonError, Died):
        promised = False
    setattr(world, place, sound)
    begun = world.ada.id in world.erasures.pending
    assert begun or not promised
    assert begun == (world.ada.id not in world.users.users)
    if begun:
        world.erasures.pending[world.ada.id] = True
        world.finish()
        assert world.is_clean
        assert world.erasures.pending == {}


@pytest.mark.parametrize(("place", "call"), PLACES)
def test_an_erasure_is_not_done_with_while_a_place_is_away_and_the_other_places_do_not_wait(
    world: World, place: str, call: str
) -> None:
    world.erase(world.ada)
    world.leave_traces()
    world.erasures.pending[world.ada.id] = True
    sound = getattr(world, place)
    setattr(world, place, Faulty(sound, call, CacheUnavailable("away"), effect=False))
    world.finish()
    assert world.ada.id in world.erasures.pending
    setattr(world, place, sound)
    done = (world.sessions.open == set(), world.preferences.entries == {}, not world.remaining)
    assert done.count(False) == 1
    world.finish()
    assert world.is_clean
    assert world.erasures.pending == {}


def test_a_person_of_very_many_notifications_is_erased_in_turns(world: World) -> None:
    world.give_notifications(PAGE * MOST_PAGES + 5)
    world.erase(world.ada)
    assert len(world.remaining) == len(world.progress.remembered) == 5
    world.erasures.pending[world.ada.id] = True
    world.finish()
    assert world.is_clean
    assert world.erasures.pending == {}


def test_an_erasure_is_not_done_with_while_a_worker_has_something_in_hand(world: World) -> None:
    world.leave_traces()
    world.notifications.in_hand = set(sorted(world.remaining)[:1])
    world.erase(world.ada)
    world.erasures.pending[world.ada.id] = True
    world.finish()
    assert world.remaining == world.notifications.in_hand
    assert world.ada.id in world.erasures.pending
    world.notifications.in_hand = set()
    world.finish()
    assert world.is_clean
    assert world.erasures.pending == {}


def test_without_time_left_nothing_is_begun(world: World) -> None:
    world.erase(world.ada)
    world.leave_traces()
    world.finish(remaining_s=4)
    assert not world.is_clean
