"""A process of the HTTP front dies while it accepts: whoever got a 202 gets the notification."""

from offline.stack.stack import Stack
from tests.e2e.api import Client
from tests.e2e.crashes.crashing import kill_a_front_worker
from tests.e2e.crashes.crowd import Crowd
from tests.e2e.crashes.ledger import arrived_unpromised, draw_up
from tests.e2e.crashes.posting import an_email, posting

KILLS = 3
ALL_SENT_WITHIN_S = 60


def test_every_202_is_delivered_when_http_workers_are_killed(stack: Stack, client: Client, email_template: str) -> None:
    killed: set[int] = set()
    with Crowd(posting(client, lambda: an_email(email_template))) as crowd:
        for _ in range(KILLS):
            crowd.allow(60)
            crowd.wait_answered(len(crowd.answers) + 10)
            killed.add(kill_a_front_worker(stack, killed))
            crowd.wait_answered()
    assert len(crowd.refused) <= KILLS, crowd.refused
    assert {answer.status for answer in crowd.refused} <= {None}, crowd.refused
    draw_up(client, crowd.accepted, within_s=ALL_SENT_WITHIN_S).require_each_sent_once()
    assert arrived_unpromised(client, crowd.refused) <= KILLS
