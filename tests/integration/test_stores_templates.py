"""The real store of templates."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from chalicelib.domain.catalog import VersionStatus
from chalicelib.errors import Conflict
from chalicelib.migrations.run import upgrade
from chalicelib.stores.postgres import Database
from chalicelib.stores.templates import TemplateStore
from tests.contract_templates import TemplatesContract, a_template

VERSIONS = 6


@pytest.fixture
def templates_url(fresh_database: str) -> str:
    upgrade("templates", fresh_database)
    return fresh_database


@pytest.fixture
def templates(templates_url: str) -> Iterator[TemplateStore]:
    database = Database(templates_url)
    yield TemplateStore(database=database)
    database.close()


def add_versions(url: str, *, up_to: int) -> None:
    """Further drafts of the template `welcome`."""
    with psycopg.connect(url) as connection:
        for number in range(2, up_to + 1):
            connection.execute(
                "INSERT INTO templates.versions (template_code, number, status) VALUES ('welcome', %s, 'draft')",
                [number],
            )
            connection.execute(
                "INSERT INTO templates.contents (template_code, number, channel, locale, parts)"
                " SELECT template_code, %s, channel, locale, parts FROM templates.contents WHERE number = 1",
                [number],
            )


class TestTemplatesInPostgreSQL(TemplatesContract):
    """The contract, kept by the real store."""


def test_publishing_another_version_retires_the_former_and_an_older_one_is_the_rollback(
    templates: TemplateStore, templates_url: str
) -> None:
    templates.insert(a_template())
    add_versions(templates_url, up_to=2)
    for number in (1, 2, 1):
        assert templates.publish("welcome", number)
    versions = [templates.load_version("welcome", number) for number in (1, 2)]
    assert [version.status for version in versions if version] == [VersionStatus.PUBLISHED, VersionStatus.RETIRED]


def test_of_versions_published_at_once_one_is_in_use_and_the_others_are_retired(
    templates: TemplateStore, templates_url: str
) -> None:
    templates.insert(a_template())
    add_versions(templates_url, up_to=VERSIONS)
    start = threading.Barrier(VERSIONS)

    def publish(number: int) -> None:
        database = Database(templates_url)
        start.wait(timeout=30)
        assert TemplateStore(database=database).publish("welcome", number)
        database.close()

    with ThreadPoolExecutor(VERSIONS) as pool:
        list(pool.map(publish, range(1, VERSIONS + 1)))
    head = templates.find_published("welcome")
    versions = [templates.load_version("welcome", number) for number in range(1, VERSIONS + 1)]
    in_use = [version.number for version in versions if version and version.status is VersionStatus.PUBLISHED]
    assert head is not None
    assert in_use == [head.published_version]
    assert sum(version.status is VersionStatus.RETIRED for version in versions if version) == VERSIONS - 1


def test_of_many_who_take_one_code_at_once_one_has_it(templates_url: str) -> None:
    start = threading.Barrier(VERSIONS)

    def take(_number: int) -> str:
        database = Database(templates_url)
        start.wait(timeout=30)
        try:
            return TemplateStore(database=database).insert(a_template())[0].code
        except Conflict as refused:
            return refused.problem_code
        finally:
            database.close()

    with ThreadPoolExecutor(VERSIONS) as pool:
        outcomes = list(pool.map(take, range(VERSIONS)))
    assert sorted(outcomes) == ["template_code_taken"] * (VERSIONS - 1) + ["welcome"]


def test_an_archived_template_cannot_be_published(templates: TemplateStore, templates_url: str) -> None:
    templates.insert(a_template())
    with psycopg.connect(templates_url) as connection:
        connection.execute("UPDATE templates.templates SET archived_at = now()")
    assert templates.publish("welcome", 1) is False
    head = templates.find_published("welcome")
    assert head is not None
    assert head.archived
