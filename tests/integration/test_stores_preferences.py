"""What people want, in the real store."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import time

import psycopg
import pytest

from chalicelib.domain.notification import Channel
from chalicelib.domain.preferences import Preferences, QuietHours
from chalicelib.domain.user import User
from chalicelib.errors import DatabaseUnavailable, NotFound, PreconditionFailed
from chalicelib.stores.postgres import Database
from chalicelib.stores.preferences import PreferencesStore
from chalicelib.stores.users import UserStore
from tests.contract_people import a_stranger, a_user, an_audit
from tests.integration.conftest import AT_ONCE

RICH = Preferences(
    channels={Channel.EMAIL: True, Channel.PUSH: False},
    categories={"marketing": {Channel.EMAIL: False}, "a.b-c_9": {}},
    quiet_hours=QuietHours(time(22, 0), time(7, 30)),
    timezone="Europe/London",
)


@pytest.fixture
def store(databases: Sequence[Database]) -> PreferencesStore:
    return PreferencesStore(database=databases[0])


@pytest.fixture
def ada(databases: Sequence[Database]) -> User:
    return UserStore(database=databases[0]).insert(a_user(), audit=an_audit())


def say(store: PreferencesStore, user: User, wanted: Preferences, *if_match: int) -> int:
    revisions = frozenset(if_match) or None
    return store.replace(user.id, wanted, if_match=revisions, audit=an_audit("preferences.replaced"))


def test_who_has_said_nothing_wants_everything(store: PreferencesStore, ada: User) -> None:
    record = store.find_all([ada.id, a_stranger()])
    assert list(record) == [ada.id]
    assert record[ada.id].preferences == Preferences(timezone="Europe/London")
    assert record[ada.id].revision == 0


def test_what_is_said_comes_back_whole_and_is_replaced_whole(store: PreferencesStore, ada: User) -> None:
    assert say(store, ada, RICH) == 1
    assert store.find_all([ada.id])[ada.id].preferences == RICH
    assert say(store, ada, Preferences()) == 2
    assert store.find_all([ada.id])[ada.id].preferences == Preferences(timezone="Europe/London")


def test_a_word_meant_for_another_revision_changes_nothing(store: PreferencesStore, ada: User, people_url: str) -> None:
    for stale in (1, 7):
        with pytest.raises(PreconditionFailed):
            say(store, ada, RICH, stale)
    assert say(store, ada, RICH, 0, 5) == 1
    with pytest.raises(PreconditionFailed):
        say(store, ada, Preferences(), 0)
    with pytest.raises(PreconditionFailed):
        store.replace(ada.id, Preferences(), if_match=frozenset(), audit=an_audit())
    assert store.find_all([ada.id])[ada.id].preferences == RICH
    with psycopg.connect(people_url) as connection:
        audits = connection.execute("SELECT action FROM users.audit ORDER BY at, id").fetchall()
    assert audits == [("user.created",), ("preferences.replaced",)]


def test_nobody_wants_nothing(store: PreferencesStore, people_url: str) -> None:
    with pytest.raises(NotFound):
        store.replace(a_stranger(), RICH, if_match=None, audit=an_audit())
    with pytest.raises(DatabaseUnavailable):
        PreferencesStore(database=Database("postgresql://carillon@127.0.0.1:1/carillon")).find_all([a_stranger()])


@pytest.mark.parametrize("said_before", [False, True])
def test_of_many_who_speak_for_one_revision_at_once_one_is_heard(
    store: PreferencesStore, ada: User, databases: Sequence[Database], said_before: bool
) -> None:
    revision = say(store, ada, Preferences()) if said_before else 0
    start = threading.Barrier(AT_ONCE)

    def speak(database: Database) -> int | None:
        start.wait(timeout=30)
        try:
            return say(PreferencesStore(database=database), ada, RICH, revision)
        except PreconditionFailed:
            return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(speak, databases))
    assert [outcome for outcome in outcomes if outcome is not None] == [revision + 1]
