"""send_at and expires_at: not before, and not after."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.api import EMAIL, Client, Json, address, delivery_of, events_of, told
from tests.e2e.problems import problem


@pytest.fixture(scope="module")
def code(client: Client) -> str:
    return client.publish_template(EMAIL)


def ahead(**duration: float) -> str:
    return (datetime.now(UTC) + timedelta(**duration)).isoformat()


def test_a_notification_goes_out_at_its_time_and_not_before(client: Client, code: str) -> None:
    to, send_at = address(), datetime.now(UTC) + timedelta(seconds=3)
    promised = client.notify(template_code=code, recipient={"email": to}, send_at=send_at.isoformat())
    assert promised["status"] == "scheduled"
    trace = client.trace(promised["notification_id"])
    assert datetime.fromisoformat(delivery_of(trace)["next_attempt_at"]) == send_at
    ended = client.wait_ended(promised["notification_id"])
    delivery = delivery_of(ended)
    assert (ended["status"], events_of(delivery)[0]) == ("sent", "scheduled"), told(ended)
    sending = next(event["at"] for event in delivery["events"] if event["event"] == "sending")
    assert datetime.fromisoformat(sending) >= send_at
    assert len(client.mails(to)) == 1


def test_a_time_that_has_passed_is_now(client: Client, code: str) -> None:
    promised = client.notify(template_code=code, recipient={"email": address()}, send_at=ahead(days=-3))
    assert promised["status"] == "accepted"
    assert client.wait_ended(promised["notification_id"])["status"] == "sent"


@pytest.mark.parametrize(
    ("times", "pointer"),
    [
        ({"send_at": ahead(days=367)}, "/send_at"),
        ({"send_at": "2026-12-01T08:00:00"}, "/send_at"),
        ({"expires_at": ahead(seconds=-1)}, "/expires_at"),
        ({"send_at": ahead(days=2), "expires_at": ahead(days=1)}, "/expires_at"),
    ],
    ids=["beyond-a-year", "no-zone", "expired", "expires-before-it-is-sent"],
)
def test_a_time_out_of_range_is_refused(client: Client, code: str, times: Json, pointer: str) -> None:
    body = {"template_code": code, "recipient": {"email": address()}, "variables": {"name": "Ada"}}
    refused = problem(client.call("POST /v1/notifications", {**body, **times}), 422)
    assert [flaw["pointer"] for flaw in refused["errors"]] == [pointer]


def test_what_waits_for_a_retry_expires_at_its_time(client: Client, code: str) -> None:
    promised = client.notify(template_code=code, recipient={"email": address("defer")}, expires_at=ahead(seconds=2))
    ended = client.wait_ended(promised["notification_id"], within_s=30)
    delivery = delivery_of(ended)
    assert (ended["status"], delivery["reason"]) == ("expired", "expired"), told(ended)
    assert 1 <= delivery["attempts"] <= 3
    assert events_of(delivery)[-1] == "expired"
