"""Opting out and quiet hours: when a notification is accepted, and again before it is sent."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.api import EMAIL, Client, Json, delivery_of, events_of, succeeded, told
from tests.e2e.waiting import eventually


@pytest.fixture(scope="module")
def code(client: Client) -> str:
    return client.publish_template(EMAIL, category="news")


def around(moment: datetime) -> Json:
    """Quiet hours from an hour before until an hour after, by UTC."""
    start, end = moment - timedelta(hours=1), moment + timedelta(hours=1)
    return {"quiet_hours": {"start": f"{start:%H:%M}", "end": f"{end:%H:%M}"}}


def prefer(client: Client, user: Json, wishes: Json) -> None:
    succeeded(client.call(f"PUT /v1/users/{user['id']}/preferences", wishes))


def notify(client: Client, code: str, user: Json, **fields: Json) -> Json:
    return client.notify(template_code=code, user_id=user["id"], **fields)


def ahead(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def test_quiet_hours_delay_and_do_not_drop(client: Client, code: str) -> None:
    user = client.create_user()
    now = datetime.now(UTC)
    prefer(client, user, around(now))
    promised = notify(client, code, user)
    (delivery,) = promised["deliveries"]
    assert (promised["status"], delivery["status"], delivery["reason"]) == ("scheduled", "scheduled", "quiet_hours")
    traced = delivery_of(client.trace(promised["notification_id"]))
    due = datetime.fromisoformat(traced["next_attempt_at"])
    assert due == (now + timedelta(hours=1)).replace(second=0, microsecond=0)
    (event,) = traced["events"]
    assert (event["event"], event["reason"]) == ("scheduled", "quiet_hours")


def test_high_priority_passes_quiet_hours_and_no_opting_out(client: Client, code: str) -> None:
    user = client.create_user()
    prefer(client, user, around(datetime.now(UTC)))
    passed = notify(client, code, user, priority="high")
    assert client.wait_ended(passed["notification_id"])["status"] == "sent"
    prefer(client, user, {"channels": {"email": False}})
    refused = notify(client, code, user, priority="high")
    (delivery,) = refused["deliveries"]
    assert (refused["status"], delivery["reason"]) == ("skipped", "opted_out")
    assert len(client.mails(user["email"])) == 1


def test_the_category_is_the_templates_unless_the_request_names_another(client: Client, code: str) -> None:
    user = client.create_user()
    prefer(client, user, {"categories": {"news": {"email": False}}})
    assert notify(client, code, user)["status"] == "skipped"
    assert notify(client, code, user, category="account")["status"] == "accepted"


def test_who_opts_out_after_acceptance_gets_nothing(client: Client, code: str) -> None:
    user = client.create_user()
    promised = notify(client, code, user, send_at=ahead(6.5))
    assert promised["status"] == "scheduled"
    prefer(client, user, {"categories": {"news": {"email": False}}})
    delivery = delivery_of(client.wait_ended(promised["notification_id"], within_s=30))
    assert (delivery["status"], delivery["reason"], delivery["attempts"]) == ("skipped", "opted_out", 0), told(delivery)
    assert client.mails(user["email"]) == []


def test_quiet_hours_that_began_after_acceptance_put_it_off_uncounted(client: Client, code: str) -> None:
    user = client.create_user()
    promised = notify(client, code, user, send_at=ahead(6.5))
    prefer(client, user, around(datetime.now(UTC)))

    def put_off() -> Json:
        delivery = delivery_of(client.trace(promised["notification_id"]))
        return delivery if delivery["status"] == "deferred" else None

    delivery = eventually(put_off, within_s=30, otherwise=lambda: told(client.trace(promised["notification_id"])))
    assert (delivery["reason"], delivery["attempts"]) == ("quiet_hours", 0)
    assert datetime.fromisoformat(delivery["next_attempt_at"]) > datetime.now(UTC) + timedelta(minutes=50)
    assert events_of(delivery) == ["scheduled", "queued", "sending", "deferred"]
    assert client.mails(user["email"]) == []


def test_a_named_recipient_has_no_quiet_hours(client: Client, code: str) -> None:
    user = client.create_user()
    prefer(client, user, {**around(datetime.now(UTC)), "channels": {"email": False}})
    promised = client.notify(template_code=code, recipient={"email": user["email"]})
    assert client.wait_ended(promised["notification_id"])["status"] == "sent"
