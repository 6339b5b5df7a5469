"""A release is deployed over the one before, and taken back, while notifications come and go: all arrive."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from offline.cloud.stack import CloudStack
from offline.stack.layout import REPOSITORY
from tests.e2e.api import Client, Json, address, succeeded
from tests.e2e.crashes.crowd import Answered, Crowd
from tests.e2e.crashes.ledger import Ledger
from tests.e2e.crashes.posting import an_email_and_a_push, posting
from tests.localstack.flights import take_off
from tests.localstack.mappings import require_one_each
from tests.localstack.releases import HEADER, REVISIONS, TITLE, next_release

POSTING, POSTED_EVERY_S = 4, 0.5
FEWEST_ACCEPTED = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is once a release is deployed, what was answered meanwhile, and what became of all promises."""

    ledger: Ledger
    answers: Sequence[Answered]
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
    code = client.publish_template()
    with Crowd(posting(client, lambda: an_email_and_a_push(code)), clients=POSTING) as crowd:
        crowd.trickle_while(lambda: deploy(cloud, source), every_s=POSTED_EVERY_S, count=1)
    require_one_each(cloud.target)
    title = succeeded(client.call("GET /openapi.json"))["info"]["title"]
    recipient: Json = {"email": address()}
    accepted = client.notify(template_code=code, recipient=recipient, channels=["email"])
    client.wait_ended(accepted["notification_id"], within_s=60)
    (mail,) = client.mails(recipient["email"])
    ledger = flight.joined_by(crowd.accepted).land(client)
    return Seen(ledger, crowd.answers, title, mail["headers"], schemas(cloud.addresses["DATABASE_URL"]))


def deploy(cloud: CloudStack, source: Path) -> None:
    cloud.redeploy(source)


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


def test_whoever_posts_while_a_release_comes_is_promised_what_is_kept_or_told_to_come_again(
    history: History, record_property: Callable[[str, object], None]
) -> None:
    for seen in (history.upgraded, history.rolled_back):
        record_property("answers", Counter(answer.status for answer in seen.answers))
        accepted = [answer for answer in seen.answers if answer.accepted]
        assert len(accepted) >= FEWEST_ACCEPTED
        assert {answer.body["deliveries"][0]["delivery_id"] for answer in accepted} <= set(seen.ledger.lines)
        assert {answer.status for answer in seen.answers} <= {202, 502, 503}
