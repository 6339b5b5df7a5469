"""What the quick memory of preferences promises, tried on the real Redis and on the fake that other tests use."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid4

import pytest

from chalicelib.domain.notification import Channel
from chalicelib.domain.preferences import DEFAULT_PREFERENCES, Preferences, QuietHours
from chalicelib.errors import CacheUnavailable
from chalicelib.services.recall_preferences import PreferencesMemory
from chalicelib.stores.preferences_memory import RedisPreferencesMemory
from tests.contract_cache import ManualCache, taking_away
from tests.fakes_core import ManualClock
from tests.fakes_preferences import FakePreferencesMemory

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADA, GRACE = uuid4(), uuid4()
RICH = Preferences(
    channels={Channel.EMAIL: True, Channel.PUSH: False},
    categories={"marketing": {Channel.EMAIL: False}, "a.b-c_9": {}},
    quiet_hours=QuietHours(time(22, 0), time(7, 30)),
    timezone="Europe/Paris",
)


@dataclass
class Subject:
    memory: PreferencesMemory
    let_pass: Callable[[float], None]
    take_away: Callable[[], None]

    def recall(self, *user_ids: UUID, at: datetime = NOW) -> dict[UUID, Preferences]:
        return dict(self.memory.recall(user_ids, at=at))


@pytest.fixture
def fake() -> Subject:
    clock = ManualClock()
    memory = FakePreferencesMemory(clock)
    return Subject(memory, clock.advance, taking_away(memory))


@pytest.fixture
def real(cache: ManualCache) -> Subject:
    return Subject(RedisPreferencesMemory(cache=cache), cache.let_pass, cache.take_away)


def test_what_is_kept_comes_back_whole_and_nothing_else_does(subject: Subject) -> None:
    subject.memory.keep({ADA: RICH, GRACE: DEFAULT_PREFERENCES}, read_at=NOW, reading_s=0.01)
    assert subject.recall(ADA, GRACE, uuid4()) == {ADA: RICH, GRACE: DEFAULT_PREFERENCES}
    assert subject.recall(GRACE) == {GRACE: DEFAULT_PREFERENCES}


def test_nothing_to_keep_is_nothing(subject: Subject) -> None:
    subject.memory.keep({}, read_at=NOW, reading_s=0)
    assert subject.recall(ADA) == {}


def test_an_entry_ends_five_seconds_after_its_reading_began(subject: Subject) -> None:
    subject.memory.keep({ADA: RICH}, read_at=NOW, reading_s=3)
    subject.let_pass(1.5)
    assert subject.recall(ADA) == {ADA: RICH}
    subject.let_pass(0.6)
    assert subject.recall(ADA) == {}


@pytest.mark.parametrize("reading_s", [5, 60])
def test_what_was_read_too_slowly_is_not_believed(subject: Subject, reading_s: float) -> None:
    subject.memory.keep({ADA: RICH}, read_at=NOW, reading_s=reading_s)
    assert subject.recall(ADA) == {}


@pytest.mark.parametrize("late", [5, 60, -60])
def test_an_entry_that_was_written_late_is_not_believed(subject: Subject, late: float) -> None:
    subject.memory.keep({ADA: RICH}, read_at=NOW, reading_s=0)
    assert subject.recall(ADA, at=NOW + timedelta(seconds=late)) == {}
    assert subject.recall(ADA, at=NOW + timedelta(seconds=4)) == {ADA: RICH}


def test_what_is_forgotten_is_gone_and_the_rest_stays(subject: Subject) -> None:
    subject.memory.keep({ADA: RICH, GRACE: RICH}, read_at=NOW, reading_s=0)
    subject.memory.forget(ADA)
    subject.memory.forget(ADA)
    assert subject.recall(ADA, GRACE) == {GRACE: RICH}


@pytest.mark.parametrize("call", ["recall", "keep", "forget"])
def test_when_it_is_away_it_says_so(subject: Subject, call: str) -> None:
    subject.take_away()
    calls: dict[str, Callable[[], object]] = {
        "recall": lambda: subject.recall(ADA),
        "keep": lambda: subject.memory.keep({ADA: RICH}, read_at=NOW, reading_s=0),
        "forget": lambda: subject.memory.forget(ADA),
    }
    with pytest.raises(CacheUnavailable):
        calls[call]()


def test_an_entry_names_nobody(real: Subject, cache: ManualCache) -> None:
    real.memory.keep({ADA: RICH}, read_at=NOW, reading_s=0)
    with cache.client() as client:
        (name,) = client.keys()
        assert name == f"preferences:{ADA}".encode()
        assert 0 < client.pttl(name) <= 5000
