"""A release is deployed over the one before, and taken back, while notifications are on their way: all arrive."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from offline.cloud.stack import CloudStack
from offline.stack.layout import REPOSITORY
from tests.e2e.api import Client, Json, address, succeeded
from tests.e2e.crashes.ledger import Ledger
from tests.localstack.flights import take_off
from tests.localstack.mappings import require_one_each
from tests.localstack.releases import HEADER, REVISIONS, TITLE, next_release


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is once a release is deployed, and what became of all that was on its way when it came."""

    ledger: Ledger
    title: str
    mail_headers: Mapping[str, str]
    schemas: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class History:
    """The next release came, and was taken back."""

    upgraded: Seen
    rolled_back: Seen


@pytest.fixture(scope="module")
def history(cloud: CloudStack, client: Client, tmp_path_factory: pytest.TempPathFactory) -> History:
    following = next_release(tmp_path_factory.mktemp("next-release"))
    try:
        upgraded = deployed_in_flight(cloud, client, following)
        return History(upgraded, deployed_in_flight(cloud, client, REPOSITORY))
    finally:
        cloud.redeploy(REPOSITORY)  # nothing to do, unless it failed halfway: the tests after this one are of this tree


def deployed_in_flight(cloud: CloudStack, client: Client, source: Path) -> Seen:
    flight = take_off(cloud.target, client)
    cloud.redeploy(source)
    require_one_each(cloud.target)
    title = succeeded(client.call("GET /openapi.json"))["info"]["title"]
    recipient: Json = {"email": address()}
    accepted = client.notify(template_code=client.publish_template(), recipient=recipient, channels=["email"])
    client.wait_ended(accepted["notification_id"], within_s=60)
    (mail,) = client.mails(recipient["email"])
    return Seen(flight.land(client), title, mail["headers"], schemas(cloud.addresses["DATABASE_URL"]))


def schemas(database_url: str) -> dict[str, str]:
    with psycopg.connect(database_url) as connection:
        return {
            store: str(version)
            for store in REVISIONS
            for (version,) in connection.execute(f"SELECT version_num FROM {store}.alembic_version")
        }


def test_the_next_release_replaces_the_code_of_every_function_and_every_schema(history: History) -> None:
    assert history.upgraded.title == TITLE
    assert history.upgraded.mail_headers[HEADER] == "next"
    assert history.upgraded.schemas == {store: revision for store, (revision, _) in REVISIONS.items()}


def test_what_was_on_its_way_in_the_release_before_is_sent_by_the_next_one(history: History) -> None:
    history.upgraded.ledger.require_all_sent()


def test_a_rollback_brings_back_the_code_and_leaves_the_schema(history: History) -> None:
    assert history.rolled_back.title == "Carillon"
    assert HEADER not in history.rolled_back.mail_headers
    assert history.rolled_back.schemas == history.upgraded.schemas


def test_what_was_on_its_way_in_the_next_release_is_sent_by_the_one_before(history: History) -> None:
    history.rolled_back.ledger.require_all_sent()
