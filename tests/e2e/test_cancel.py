"""POST /v1/notifications/{id}/cancel: what waits is stopped, what is being sent is not tried again."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.e2e.api import EMAIL, Client, Json, address, delivery_of, events_of, succeeded, told
from tests.e2e.problems import problem
from tests.e2e.waiting import eventually


@pytest.fixture(scope="module")
def code(client: Client) -> str:
    return client.publish_template(EMAIL)


def notify(client: Client, code: str, to: str, **fields: Json) -> str:
    return str(client.notify(template_code=code, recipient={"email": to}, **fields)["notification_id"])


def wait_until(client: Client, notification_id: str, event: str) -> None:
    eventually(
        lambda: event in events_of(delivery_of(client.trace(notification_id))),
        within_s=15,
        otherwise=lambda: told(client.trace(notification_id)),
    )


def test_a_scheduled_one_is_cancelled_once(client: Client, code: str) -> None:
    to, send_at = address(), datetime.now(UTC) + timedelta(seconds=4)
    notification_id = notify(client, code, to, send_at=send_at.isoformat())
    cancelled = succeeded(client.call(f"POST /v1/notifications/{notification_id}/cancel"))
    assert cancelled["status"] == "cancelled"
    assert events_of(delivery_of(cancelled)) == ["scheduled", "cancelled"]
    assert client.trace(notification_id) == cancelled
    problem(client.call(f"POST /v1/notifications/{notification_id}/cancel"), 409, "nothing_to_cancel")
    # one that was to go out a moment later has arrived: the cancelled one would have, too
    later = notify(client, code, address(), send_at=(send_at + timedelta(seconds=1)).isoformat())
    client.wait_ended(later, within_s=30)
    assert client.mails(to) == []


def test_one_that_waits_for_its_retry_is_not_tried_again(client: Client, code: str) -> None:
    notification_id = notify(client, code, address("defer"))
    wait_until(client, notification_id, "retrying")
    answer = client.call(f"POST /v1/notifications/{notification_id}/cancel")
    # a retry may begin in this very moment: then the attempt under way is the last
    assert answer.status_code in (200, 409), answer.text
    delivery = delivery_of(client.wait_ended(notification_id))
    assert delivery["status"] == "cancelled", told(delivery)
    assert delivery["attempts"] < 4


def test_one_being_sent_finishes_its_attempt(client: Client, code: str) -> None:
    to = address("slow")
    notification_id = notify(client, code, to)
    wait_until(client, notification_id, "sending")
    problem(client.call(f"POST /v1/notifications/{notification_id}/cancel"), 409, "nothing_to_cancel")
    delivery = delivery_of(client.wait_ended(notification_id, within_s=40))
    assert delivery["status"] in ("sent", "cancelled"), told(delivery)
    assert delivery["attempts"] == 1
    assert "cancel_requested" in events_of(delivery)


def test_what_was_sent_stays_sent(client: Client, code: str) -> None:
    notification_id = notify(client, code, address())
    client.wait_ended(notification_id)
    problem(client.call(f"POST /v1/notifications/{notification_id}/cancel"), 409, "nothing_to_cancel")
    assert client.trace(notification_id)["status"] == "sent"


def test_what_does_not_exist_is_404(client: Client) -> None:
    problem(client.call(f"POST /v1/notifications/{uuid4()}/cancel"), 404, "not_found")
    problem(client.call("POST /v1/notifications/nothing/cancel"), 404, "not_found")
