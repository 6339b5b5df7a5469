"""What people want: recalled at most five seconds old, replaced as a whole."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.notification import Channel
from chalicelib.domain.preferences import Preferences
from chalicelib.domain.user import User
from chalicelib.errors import DatabaseUnavailable, NotFound, PreconditionFailed
from chalicelib.services.recall_preferences import recall_preferences
from chalicelib.services.replace_preferences import ReplacePreferences, find_preferences, replace_preferences
from tests.contract_people import SOMEBODY, a_stranger, a_user, an_audit
from tests.fakes_people import FakeUsers
from tests.fakes_preferences import FakePreferences, FakePreferencesMemory

NO_PUSH = Preferences(channels={Channel.PUSH: False})


@dataclass
class World:
    now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)
    users: FakeUsers = field(default_factory=FakeUsers)
    reading_s: float = 0.0

    def __post_init__(self) -> None:
        self.records = FakePreferences(self.users)
        self.memory = FakePreferencesMemory(lambda: self.now)
        self.ada = self.users.insert(a_user())
        self.grace = self.users.insert(a_user("grace@example.com"))
        self._monotonic_s = 0.0

    def wanted(self, *users: User) -> list[Preferences]:
        found = recall_preferences(
            [user.id for user in users],
            memory=self.memory,
            records=self.records,
            clock=lambda: self.now,
            monotonic_s=self._tick,
        )
        return [found[user.id] for user in users]

    def say(self, user: User, preferences: Preferences, if_match: set[int] | None = None) -> int:
        revisions = None if if_match is None else frozenset(if_match)
        command = ReplacePreferences(user.id, preferences, by=SOMEBODY, if_match=revisions)
        return replace_preferences(command, records=self.records, memory=self.memory, clock=lambda: self.now).revision

    def let_pass(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def _tick(self) -> float:
        self._monotonic_s += self.reading_s
        return self._monotonic_s


@pytest.fixture
def world() -> World:
    return World()


def test_many_cost_one_query_for_those_who_are_not_remembered(world: World) -> None:
    world.wanted(world.ada)
    world.wanted(world.ada, world.grace)
    world.wanted(world.grace, world.ada)
    assert world.records.asked == [{world.ada.id}, {world.grace.id}]


def test_who_does_not_exist_is_missing_and_never_remembered_as_such(world: World) -> None:
    stranger = replace(world.ada, id=a_stranger())
    for _ in range(2):
        with pytest.raises(KeyError):
            world.wanted(stranger)
    assert len(world.records.asked) == 2
    assert world.wanted() == []


def test_a_change_is_seen_at_once(world: World) -> None:
    assert world.wanted(world.ada) == [Preferences(timezone="Europe/London")]
    world.say(world.ada, NO_PUSH)
    assert world.wanted(world.ada) == [replace(NO_PUSH, timezone="Europe/London")]


def test_a_change_whose_deletion_is_lost_is_seen_after_five_seconds(world: World) -> None:
    world.wanted(world.ada)
    world.memory.up = False
    world.say(world.ada, NO_PUSH)
    world.memory.up = True
    world.let_pass(4.9)
    assert world.wanted(world.ada)[0].wants(Channel.PUSH, None)
    world.let_pass(0.1)
    assert not world.wanted(world.ada)[0].wants(Channel.PUSH, None)


def test_what_was_read_before_a_change_and_written_after_it_ends_five_seconds_after_the_reading_began(
    world: World,
) -> None:
    world.reading_s = 3.0
    world.wanted(world.ada)  # read before the change; Redis got it three seconds later
    world.records.replace(world.ada.id, NO_PUSH, if_match=None, audit=an_audit())
    world.let_pass(2.0)
    assert not world.wanted(world.ada)[0].wants(Channel.PUSH, None)


def test_without_redis_postgresql_answers(world: World) -> None:
    world.memory.up = False
    for _ in range(2):
        assert world.wanted(world.ada, world.grace)
    assert len(world.records.asked) == 2


def test_without_postgresql_what_is_remembered_still_holds_and_the_rest_is_not_known(world: World) -> None:
    world.wanted(world.ada)
    world.records.up = False
    assert world.wanted(world.ada)
    with pytest.raises(DatabaseUnavailable):
        world.wanted(world.ada, world.grace)


def test_preferences_are_replaced_by_revision_and_noted_in_the_audit_trail(world: World) -> None:
    assert find_preferences(world.ada.id, records=world.records).revision == 0
    assert world.say(world.ada, NO_PUSH, {0}) == 1
    with pytest.raises(PreconditionFailed):
        world.say(world.ada, Preferences(), {0})
    assert world.say(world.ada, Preferences(), {7, 1}) == 2
    assert [(audit.action, audit.target) for audit in world.records.audits] == [
        ("preferences.replaced", f"user:{world.ada.id}")
    ] * 2


def test_nobody_has_no_preferences(world: World) -> None:
    with pytest.raises(NotFound):
        find_preferences(a_stranger(), records=world.records)
    with pytest.raises(NotFound):
        world.say(replace(world.ada, id=a_stranger()), NO_PUSH)
