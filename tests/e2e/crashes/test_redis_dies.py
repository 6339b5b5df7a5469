"""Redis is emptied, dies and comes back while notifications are accepted: it costs nobody anything."""

from typing import Any

import httpx
import redis

from offline.stack.stack import Stack
from tests.e2e.api import Client, unique
from tests.e2e.crashes.crowd import Crowd
from tests.e2e.crashes.ledger import draw_up
from tests.e2e.crashes.posting import an_email

Json = Any

ALL_SENT_WITHIN_S = 60


def test_every_accept_is_202_and_delivered_once_when_redis_is_flushed_and_killed(
    breakable_stack: Stack, client: Client, email_template: str
) -> None:
    posted: dict[str, Json] = {}

    def post() -> httpx.Response:
        key, body = unique("key"), an_email(email_template)
        posted[key] = body
        return client.call("POST /v1/notifications", body, headers={"Idempotency-Key": key})

    with Crowd(post) as crowd:
        crowd.allow(150)
        crowd.wait_answered(75)
        flush(breakable_stack)
        crowd.wait_answered()
        crowd.allow(100)
        crowd.wait_answered(175)
        breakable_stack.kill("valkey")
        crowd.wait_answered()
        crowd.allow(100)
        crowd.wait_answered()
        crowd.trickle_while(lambda: breakable_stack.start("valkey"), every_s=0.1, count=5)
        crowd.allow(50)
        crowd.wait_answered()
    assert not crowd.refused, crowd.refused[:3]
    require_remembered(client, posted, {each["notification_id"] for each in crowd.accepted})
    draw_up(client, crowd.accepted, within_s=ALL_SENT_WITHIN_S).require_each_sent_once()


def flush(stack: Stack) -> None:
    with redis.Redis.from_url(stack.addresses["REDIS_URL"]) as server:
        server.flushall()


def require_remembered(client: Client, posted: dict[str, Json], accepted_ids: set[str]) -> None:
    """A repeated key gets the first answer, though Redis forgot it: nothing is accepted twice."""
    for key, body in [*posted.items()][::10]:
        again = client.call("POST /v1/notifications", body, headers={"Idempotency-Key": key})
        assert again.status_code == 202, again.text
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json()["notification_id"] in accepted_ids
