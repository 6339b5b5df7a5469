"""RabbitMQ is in its memory alarm and blocks publishers: a 202 is given all the same, and kept."""

from collections.abc import Callable

from offline.stack.stack import Stack
from tests.chaos.alarms import publishers_blocked
from tests.e2e.api import Client
from tests.e2e.crashes.crowd import Crowd, p50_ms
from tests.e2e.crashes.ledger import draw_up
from tests.e2e.crashes.posting import an_email, posting

ACCEPTS = 60
LONGEST_ACCEPT_S = 3.0
ALL_SENT_WITHIN_S = 60


def test_every_accept_is_202_in_its_time_while_publishers_are_blocked_and_sent_once_afterwards(
    stack: Stack, client: Client, email_template: str, record_property: Callable[[str, object], None]
) -> None:
    with Crowd(posting(client, lambda: an_email(email_template))) as crowd:
        with publishers_blocked(stack):
            crowd.allow(ACCEPTS)
            crowd.wait_answered()
        crowd.allow(ACCEPTS // 3)
        crowd.wait_answered()
    record_property("p50_ms", p50_ms(crowd.answers[:ACCEPTS]))
    assert not crowd.refused, crowd.refused[:3]
    assert max(answer.took_s for answer in crowd.answers) < LONGEST_ACCEPT_S
    draw_up(client, crowd.accepted, within_s=ALL_SENT_WITHIN_S).require_each_sent_once()
