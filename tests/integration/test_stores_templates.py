"""The real stores of templates."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pytest

from chalicelib.domain.catalog import VersionStatus
from chalicelib.errors import Conflict, PreconditionFailed
from chalicelib.migrations.run import upgrade
from chalicelib.stores.postgres import Database
from chalicelib.stores.template_versions import VersionStore
from chalicelib.stores.templates import TemplateStore
from tests.contract_templates import TemplatesContract, TemplateStores, a_template

EDITORS = 6
RACES = 50


@pytest.fixture
def templates_url(fresh_database: str) -> str:
    upgrade("templates", fresh_database)
    return fresh_database


@pytest.fixture
def stores(templates_url: str) -> Iterator[TemplateStores]:
    database = Database(templates_url)
    yield stores_on(database)
    database.close()


def stores_on(database: Database) -> TemplateStores:
    return TemplateStores(TemplateStore(database=database), VersionStore(database=database))


def all_at_once(url: str, act: Callable[[TemplateStores, int], object], *, editors: int = EDITORS) -> list[object]:
    """What each of several editors, each with their own connection, is told when all act at the same moment."""
    start = threading.Barrier(editors)

    def edit(number: int) -> object:
        database = Database(url)
        stores_on(database).templates.find("welcome")  # connects, so that all begin alike
        start.wait(timeout=30)
        try:
            return act(stores_on(database), number)
        except (Conflict, PreconditionFailed) as refused:
            return refused.code
        finally:
            database.close()

    with ThreadPoolExecutor(editors) as pool:
        return list(pool.map(edit, range(editors)))


class TestTemplatesInPostgreSQL(TemplatesContract):
    """The contract, kept by the real stores."""


def test_of_versions_published_at_once_one_is_in_use_and_the_others_are_retired(
    stores: TemplateStores, templates_url: str
) -> None:
    stores.insert(a_template())
    for _ in range(EDITORS - 1):
        stores.add()
    all_at_once(templates_url, lambda mine, number: mine.publish("welcome", number + 1))
    head = stores.templates.find("welcome")
    assert head is not None
    statuses = {number: stores.status(number) for number in range(1, EDITORS + 1)}
    assert [number for number, status in statuses.items() if status is VersionStatus.PUBLISHED] == [
        head.published_version
    ]
    assert list(statuses.values()).count(VersionStatus.RETIRED) == EDITORS - 1


def test_of_many_who_take_one_code_at_once_one_has_it(templates_url: str) -> None:
    outcomes = all_at_once(templates_url, lambda mine, _: mine.insert(a_template()))
    assert sorted(map(str, outcomes)) == sorted(["None", *["conflict"] * (EDITORS - 1)])


def test_versions_that_are_added_at_once_have_numbers_of_their_own(stores: TemplateStores, templates_url: str) -> None:
    stores.insert(a_template())
    numbers = all_at_once(templates_url, lambda mine, _: mine.add())
    assert sorted(map(str, numbers)) == [str(number) for number in range(2, EDITORS + 2)]


def test_of_two_editors_who_read_the_same_revision_exactly_one_wins(stores: TemplateStores, templates_url: str) -> None:
    stores.insert(a_template())
    stores.add()
    for race in range(RACES):
        head = stores.templates.find("welcome")
        assert head is not None
        read = frozenset({head.revision})
        outcomes = all_at_once(templates_url, partial(edit_in_one_of_three_ways, race, read), editors=2)
        assert outcomes.count("precondition_failed") == 1
        after = stores.templates.find("welcome")
        assert after is not None
        assert after.revision == head.revision + 1


def edit_in_one_of_three_ways(race: int, read: frozenset[int], mine: TemplateStores, number: int) -> object:
    if (race + number) % 3 == 0:
        return mine.rename(f"{race} by {number}", if_match=read)
    if (race + number) % 3 == 1:
        return mine.add(if_match=read)
    head = mine.templates.find("welcome")
    newest = 1 if head is None or head.published_version == head.latest_version else head.latest_version
    return mine.publish("welcome", newest, if_match=read)


def test_a_change_and_its_audit_entry_are_one(stores: TemplateStores, templates_url: str) -> None:
    stores.insert(a_template())
    stores.add()
    stores.publish("welcome", 2)
    stores.publish("welcome", 2)
    stores.rename("Hello")
    with pytest.raises(PreconditionFailed):
        stores.rename("Again", if_match=frozenset({1}))
    stores.archive("welcome")
    with psycopg.connect(templates_url) as connection:
        rows = connection.execute("SELECT action, detail FROM templates.audit ORDER BY at").fetchall()
        assert rows == [
            ("template.created", {}),
            ("template.version_created", {"version": 2}),
            ("template.published", {}),
            ("template.updated", {}),
            ("template.archived", {}),
        ]
        connection.execute("ALTER TABLE templates.audit ADD CHECK (action <> 'template.created')  NOT VALID")
        connection.commit()
    with pytest.raises(psycopg.errors.CheckViolation):
        stores.insert(a_template("other"))
    assert stores.templates.find("other") is None


def test_a_version_that_the_code_before_this_one_wrote_has_its_templates_default_locale(
    stores: TemplateStores, templates_url: str
) -> None:
    stores.insert(a_template())
    with psycopg.connect(templates_url) as connection:
        connection.execute("UPDATE templates.versions SET default_locale = NULL")
    version = stores.versions.load_version("welcome", 1)
    assert version is not None
    assert version.default_locale == "en"
