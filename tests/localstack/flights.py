"""Notifications on their way while a release is deployed, in each of the states in which they can be overtaken."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from infra.functions import CONSUMERS
from infra.target import Target
from tests.e2e.api import Client, Json, address, delivery_of, told, unique
from tests.e2e.crashes.ledger import Ledger, draw_up
from tests.e2e.waiting import eventually
from tests.localstack.mappings import disable

QUEUED, RETRYING, SCHEDULED = 20, 5, 5
SENT_LATER_S = 30
SEEN_WITHIN_S = 20.0
ALL_SENT_WITHIN_S = 120.0
"""The relay that brings back what is due is started every minute."""


@dataclass(frozen=True, slots=True)
class Flight:
    """The 202s of some notifications."""

    accepted: Sequence[Json]

    def joined_by(self, accepted: Iterable[Json]) -> "Flight":
        """With what was accepted later."""
        return Flight([*self.accepted, *accepted])

    def land(self, client: Client) -> Ledger:
        """Wait until all have reached their ends."""
        return draw_up(client, self.accepted, within_s=ALL_SENT_WITHIN_S)


def take_off(target: Target, client: Client) -> Flight:
    """Leave notifications that were tried in vain, that wait in the queues, and that are to be sent later.

    Nothing is taken from the queues any more: whoever deploys next enables the mappings.
    """
    code = client.publish_template()
    retrying = [_send(client, code, script="defer-twice") for _ in range(RETRYING)]
    for each in retrying:
        _wait_tried(client, each)
    disable(target, *CONSUMERS)
    send_at = (datetime.now(UTC) + timedelta(seconds=SENT_LATER_S)).isoformat()
    queued = [_send(client, code, priority="low" if number % 2 else "normal") for number in range(QUEUED)]
    scheduled = [_send(client, code, send_at=send_at) for _ in range(SCHEDULED)]
    for each in queued:
        trace = client.trace(each["notification_id"])
        assert {delivery["status"] for delivery in trace["deliveries"]} <= {"accepted", "queued"}, told(trace)
    return Flight([*retrying, *queued, *scheduled])


def _send(client: Client, code: str, *, script: str = "someone", **fields: Json) -> Json:
    recipient: Json = {"email": address(script), "device_tokens": [{"token": unique("device"), "platform": "ios"}]}
    return client.notify(template_code=code, recipient=recipient, **fields)


def _wait_tried(client: Client, accepted: Json) -> None:
    def look() -> Json:
        return delivery_of(client.trace(accepted["notification_id"]), "email")

    eventually(lambda: look()["attempts"] > 0, within_s=SEEN_WITHIN_S, otherwise=look)
