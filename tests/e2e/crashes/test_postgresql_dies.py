"""PostgreSQL dies while messages wait and notifications are accepted: it says so, and loses nothing it has promised."""

import time
from collections.abc import Collection

import psycopg

from offline.stack.stack import Stack
from tests.e2e.api import Client
from tests.e2e.crashes.crowd import Crowd
from tests.e2e.crashes.ledger import arrived_unpromised, draw_up
from tests.e2e.crashes.posting import an_email, posting
from tests.e2e.emulator import mapping, paused
from tests.e2e.waiting import eventually

FUNCTION = "deliver_email"
REFUSED_WITHIN_S = 2.0
ALL_SENT_WITHIN_S = 60
COMMITS_AT_ONCE = 2
"""One a process of the HTTP front: whether a commit under way took place, nobody can tell its client."""


def test_while_postgresql_is_away_accepts_are_503_and_afterwards_all_promised_is_sent(
    breakable_stack: Stack, client: Client, email_template: str
) -> None:
    failed_before = mapping(breakable_stack, FUNCTION)["batches_failed"]
    with Crowd(posting(client, lambda: an_email(email_template))) as crowd:
        with paused(breakable_stack, FUNCTION):
            crowd.allow(150)
            crowd.wait_answered(120)
            breakable_stack.kill("postgresql")
            died_at_s = time.monotonic()
        crowd.allow(50)
        crowd.wait_answered()
        eventually(
            lambda: mapping(breakable_stack, FUNCTION)["batches_failed"] > failed_before,
            within_s=30,
            otherwise=lambda: "no batch met the dead database",
        )
        refused = [answer for answer in crowd.answers if answer.began_at_s > died_at_s]
        crowd.trickle_while(lambda: bring_back(breakable_stack, client), every_s=0.1, count=2)
        crowd.allow(50)
        crowd.wait_answered()
    assert {answer.status for answer in crowd.answers} == {202, 503}, {answer.status for answer in crowd.answers}
    assert len(refused) >= 40
    assert {answer.status for answer in refused} == {503}
    assert all(answer.retry_after for answer in crowd.answers if answer.status == 503)
    assert max(answer.took_s for answer in refused) < REFUSED_WITHIN_S
    assert len(crowd.accepted) >= 150
    draw_up(client, crowd.accepted, within_s=ALL_SENT_WITHIN_S).require_all_sent()
    assert arrived_unpromised(client, crowd.refused) <= COMMITS_AT_ONCE
    assert archived(breakable_stack, [each["notification_id"] for each in crowd.accepted]) == 0


def bring_back(stack: Stack, client: Client) -> None:
    """Start it, and wait until its circuit is closed, too."""
    stack.start("postgresql")
    eventually(
        lambda: client.call("GET /health/ready").status_code == 200,
        within_s=20,
        otherwise=lambda: client.call("GET /health/ready").text,
    )


def archived(stack: Stack, notification_ids: Collection[str]) -> int:
    """How many of these have a record in the archive of the failed, dead-lettered or otherwise."""
    with psycopg.connect(stack.addresses["DATABASE_URL"]) as connection:
        count = "SELECT count(*) FROM notifications.failed WHERE notification_id = ANY (%s::uuid[])"
        row = connection.execute(count, (list(notification_ids),)).fetchone()
        return int(row[0]) if row else 0
