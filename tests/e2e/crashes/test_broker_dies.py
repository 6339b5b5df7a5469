"""RabbitMQ dies while notifications are accepted: whoever got a 202 gets the notification."""

import time
from collections.abc import Callable

from offline.stack.stack import Stack
from tests.e2e.api import Client
from tests.e2e.crashes.crowd import Crowd, p50_ms
from tests.e2e.crashes.ledger import draw_up
from tests.e2e.crashes.posting import an_email_and_a_push, posting

ACCEPTS = 500
LONGEST_ACCEPT_S = 3.0
SLOWER_AT_MOST_MS = 50
ALL_SENT_WITHIN_S = 60


def test_every_202_is_delivered_when_the_broker_is_killed_and_comes_back(
    breakable_stack: Stack, client: Client, template: str, record_property: Callable[[str, object], None]
) -> None:
    with Crowd(posting(client, lambda: an_email_and_a_push(template))) as crowd:
        crowd.allow(200)
        crowd.wait_answered(100)
        breakable_stack.kill("rabbitmq")
        died_at_s = time.monotonic()
        crowd.allow(100)
        crowd.trickle_while(lambda: breakable_stack.start("rabbitmq"), every_s=0.25, count=5)
        back_at_s = time.monotonic()
        crowd.allow(max(50, ACCEPTS - len(crowd.answers)))
        crowd.wait_answered()
    assert not crowd.refused, crowd.refused[:3]
    assert len(crowd.answers) >= ACCEPTS
    while_down = [answer for answer in crowd.answers if died_at_s < answer.began_at_s < back_at_s]
    assert len(while_down) >= 100
    before = [answer for answer in crowd.answers if answer.began_at_s < died_at_s]
    record_property("p50_before_ms", p50_ms(before))
    record_property("p50_while_down_ms", p50_ms(while_down))
    record_property("down_for_s", back_at_s - died_at_s)
    record_property("accepted_while_down", len(while_down))
    assert p50_ms(while_down) < 2 * p50_ms(before) + SLOWER_AT_MOST_MS
    assert max(answer.took_s for answer in crowd.answers) < LONGEST_ACCEPT_S
    ledger = draw_up(client, crowd.accepted, within_s=ALL_SENT_WITHIN_S)
    record_property("all_sent_after_s", time.monotonic() - back_at_s)
    ledger.require_each_sent_once()
