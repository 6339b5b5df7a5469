"""Whom a notification reaches, by which channels, in which language, at what time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from offline.stack.stack import Stack
from tests.e2e.api import EMAIL, PUSH, Client, Json, address, delivery_of, events_of, told, unique
from tests.e2e.emulator import mapping, paused
from tests.e2e.waiting import eventually

FRENCH_EMAIL = {"channel": "email", "locale": "fr", "subject": "Bonjour {{ name }}", "html": "<p>Ça va ?</p>"}
FRENCH_PUSH = {"channel": "push", "locale": "fr", "title": "Bonjour {{ name }}", "body": "Ça va ?"}


@pytest.fixture(scope="module")
def code(client: Client) -> str:
    return client.publish_template()


@pytest.fixture(scope="module")
def bilingual(client: Client) -> str:
    return client.publish_template(EMAIL, PUSH, FRENCH_EMAIL, FRENCH_PUSH)


def device(platform: str = "android") -> dict[str, str]:
    return {"token": unique("device"), "platform": platform}


def moment_in(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def on(channel: str, deliveries: Sequence[Json]) -> Sequence[Json]:
    return [each for each in deliveries if each["channel"] == channel]


def test_a_recipient_that_is_no_user_gets_the_mail_and_a_push_on_each_device(client: Client, code: str) -> None:
    devices = [device("ios"), device("android"), device("web")]
    recipient: Json = {"email": address(), "name": "Grace Hopper", "device_tokens": devices}
    accepted = client.notify(template_code=code, recipient=recipient)
    trace = client.wait_ended(accepted["notification_id"])
    assert trace["status"] == "sent", told(trace)
    assert [each["channel"] for each in trace["deliveries"]] == ["email", "push", "push", "push"], told(trace)
    (mail,) = client.mails(recipient["email"])
    assert mail["to"] == f'"Grace Hopper" <{recipient["email"]}>'
    for platform, block in {"ios": "apns", "android": "android", "web": "webpush"}.items():
        (token,) = [each["token"] for each in devices if each["platform"] == platform]
        (push,) = client.pushes(token)
        assert push["message"].keys() & {"apns", "android", "webpush"} == {block}


def test_the_addresses_of_a_recipient_are_not_shown_again(client: Client, code: str) -> None:
    recipient: Json = {"email": address(), "name": "Grace Hopper", "device_tokens": [device()]}
    accepted = client.notify(template_code=code, recipient=recipient)
    shown = told(client.wait_ended(accepted["notification_id"]))
    assert recipient["email"] not in shown
    assert recipient["device_tokens"][0]["token"] not in shown


def test_a_user_gets_a_push_on_each_of_their_devices(client: Client, code: str) -> None:
    person = client.create_user()
    tokens = [client.add_device(person["id"])["token"] for _ in range(3)]
    accepted = client.notify(template_code=code, user_id=person["id"], channels=["push"])
    trace = client.wait_ended(accepted["notification_id"])
    assert [each["channel"] for each in trace["deliveries"]] == ["push"] * 3, told(trace)
    assert [len(client.pushes(token)) for token in tokens] == [1, 1, 1]


@pytest.mark.parametrize("channel", ["email", "push"])
def test_only_the_channels_that_were_asked_for_are_used(channel: str, client: Client, code: str) -> None:
    recipient: Json = {"email": address(), "device_tokens": [device()]}
    accepted = client.notify(template_code=code, recipient=recipient, channels=[channel])
    trace = client.wait_ended(accepted["notification_id"])
    assert delivery_of(trace)["channel"] == channel, told(trace)
    arrived = [len(client.mails(recipient["email"])), len(client.pushes(recipient["device_tokens"][0]["token"]))]
    assert arrived == ([1, 0] if channel == "email" else [0, 1])


def test_a_template_with_one_channel_uses_that_one(client: Client) -> None:
    accepted = client.notify(
        template_code=client.publish_template(PUSH), recipient={"email": address(), "device_tokens": [device()]}
    )
    assert [each["channel"] for each in accepted["deliveries"]] == ["push"]


@pytest.mark.parametrize(
    ("recipient", "skipped", "reason"),
    [
        ({"email": "someone@example.test"}, "push", "no_device"),
        ({"device_tokens": [{"token": "lonely-device", "platform": "web"}]}, "email", "no_address"),
    ],
)
def test_a_channel_without_an_address_is_skipped_and_the_other_one_goes_out(
    recipient: Json, skipped: str, reason: str, client: Client, code: str
) -> None:
    accepted = client.notify(template_code=code, recipient=recipient)
    (at_once,) = on(skipped, accepted["deliveries"])
    assert (at_once["status"], at_once["reason"]) == ("skipped", reason), accepted
    trace = client.wait_ended(accepted["notification_id"])
    delivery = delivery_of(trace, skipped)
    assert trace["status"] == "sent", told(trace)
    assert (delivery["status"], delivery["reason"], delivery["attempts"]) == ("skipped", reason, 0), told(trace)
    assert events_of(delivery) == ["skipped"], told(trace)


def test_a_user_without_a_device_still_gets_the_mail(client: Client, code: str) -> None:
    person = client.create_user()
    accepted = client.notify(template_code=code, user_id=person["id"])
    (push,) = on("push", accepted["deliveries"])
    assert (push["status"], push["reason"]) == ("skipped", "no_device"), accepted
    assert client.wait_ended(accepted["notification_id"])["status"] == "sent"
    assert len(client.mails(person["email"])) == 1


def test_a_recipient_who_can_be_reached_by_nothing_is_skipped_and_accepted_all_the_same(
    client: Client, code: str
) -> None:
    accepted = client.notify(template_code=code, recipient={"name": "Nobody"})
    assert accepted["status"] == "skipped", accepted
    assert {each["status"] for each in accepted["deliveries"]} == {"skipped"}, accepted


def test_low_priority_travels_in_the_bulk_queues_and_passes_a_standstill_of_the_others(
    stack: Stack, client: Client, code: str
) -> None:
    recipients: list[Json] = [{"email": address(), "device_tokens": [device()]} for _ in range(2)]
    with paused(stack, "deliver_email", "deliver_push"):
        held = client.notify(template_code=code, recipient=recipients[0], priority="normal")
        bulk = client.notify(template_code=code, recipient=recipients[1], priority="low")
        trace = client.wait_ended(bulk["notification_id"])
        assert (trace["status"], trace["priority"]) == ("sent", "low"), told(trace)
        assert client.trace(held["notification_id"])["status"] == "accepted"
    assert client.wait_ended(held["notification_id"])["status"] == "sent"


@pytest.mark.parametrize("priority", ["high", "normal"])
def test_high_and_normal_priority_do_not_wait_for_bulk(priority: str, stack: Stack, client: Client, code: str) -> None:
    recipient: Json = {"email": address(), "device_tokens": [device()]}
    with paused(stack, "deliver_email_bulk", "deliver_push_bulk"):
        accepted = client.notify(template_code=code, recipient=recipient, priority=priority)
        trace = client.wait_ended(accepted["notification_id"])
    assert (trace["status"], trace["priority"]) == ("sent", priority), told(trace)


def test_a_retry_of_a_bulk_delivery_returns_to_its_bulk_queue(stack: Stack, client: Client, code: str) -> None:
    recipient: Json = {"email": address("defer-twice")}
    with paused(stack, "deliver_email"):
        before = mapping(stack, "deliver_email_bulk")["batches_ok"]
        accepted = client.notify(template_code=code, recipient=recipient, channels=["email"], priority="low")
        trace = client.wait_ended(accepted["notification_id"])
    assert delivery_of(trace)["attempts"] == 3, told(trace)
    assert eventually(
        lambda: mapping(stack, "deliver_email_bulk")["batches_ok"] >= before + 3,
        within_s=5,
        otherwise=lambda: mapping(stack, "deliver_email_bulk"),
    )


def test_what_is_to_be_sent_later_is_scheduled_and_then_sent(client: Client, code: str) -> None:
    recipient: Json = {"email": address(), "device_tokens": [device()]}
    send_at = datetime.now(UTC) + timedelta(seconds=2)
    accepted = client.notify(template_code=code, recipient=recipient, send_at=send_at.isoformat())
    assert accepted["status"] == "scheduled", accepted
    assert {each["status"] for each in accepted["deliveries"]} == {"scheduled"}, accepted
    waiting = client.trace(accepted["notification_id"])
    trace = client.wait_ended(accepted["notification_id"])
    assert waiting["send_at"] == send_at.isoformat().replace("+00:00", "Z")
    assert {each["next_attempt_at"] for each in waiting["deliveries"]} <= {waiting["send_at"], None}, told(waiting)
    for delivery in trace["deliveries"]:
        assert events_of(delivery) == ["scheduled", "queued", "sending", "sent"], told(trace)
        begun_at = datetime.fromisoformat(delivery["events"][2]["at"])
        assert send_at <= begun_at <= send_at + timedelta(seconds=15), told(trace)


def test_a_time_to_send_in_the_past_is_now(client: Client, code: str) -> None:
    recipient: Json = {"email": address()}
    accepted = client.notify(template_code=code, recipient=recipient, channels=["email"], send_at=moment_in(-3600))
    assert accepted["status"] == "accepted", accepted
    trace = client.wait_ended(accepted["notification_id"])
    assert events_of(delivery_of(trace)) == ["accepted", "queued", "sending", "sent"], told(trace)


def test_what_expires_before_a_retry_is_not_tried_again(client: Client, code: str) -> None:
    recipient: Json = {"email": address("defer")}
    expires_at = moment_in(1.5)
    accepted = client.notify(template_code=code, recipient=recipient, channels=["email"], expires_at=expires_at)
    trace = client.wait_ended(accepted["notification_id"])
    delivery = delivery_of(trace)
    assert trace["status"] == "expired", told(trace)
    assert (delivery["status"], delivery["reason"]) == ("expired", "expired"), told(trace)
    assert delivery["attempts"] < 4, told(trace)
    assert client.mails(recipient["email"]) == []


def test_what_expired_while_it_waited_is_never_sent(stack: Stack, client: Client, code: str) -> None:
    recipient: Json = {"email": address(), "device_tokens": [device()]}
    expires_at = datetime.now(UTC) + timedelta(seconds=1.5)
    with paused(stack, "deliver_email", "deliver_push"):
        accepted = client.notify(template_code=code, recipient=recipient, expires_at=expires_at.isoformat())
        eventually(lambda: datetime.now(UTC) > expires_at, within_s=5, otherwise=lambda: expires_at)
    trace = client.wait_ended(accepted["notification_id"])
    assert {(each["status"], each["attempts"]) for each in trace["deliveries"]} == {("expired", 0)}, told(trace)
    assert client.mails(recipient["email"]) == client.pushes(recipient["device_tokens"][0]["token"]) == []


@pytest.mark.parametrize(
    ("of_user", "of_request", "locale"),
    [
        ("fr-CA", None, "fr"),
        ("fr", None, "fr"),
        ("fr-CA", "en", "en"),
        ("en", "fr-CA", "fr"),
        ("de", None, "en"),
        (None, None, "en"),
        (None, "FR-ca", "fr"),
    ],
)
def test_a_person_is_addressed_in_the_nearest_language_the_template_has(
    of_user: str | None, of_request: str | None, locale: str, client: Client, bilingual: str
) -> None:
    person = client.create_user(locale=of_user)
    token = client.add_device(person["id"])["token"]
    accepted = client.notify(template_code=bilingual, user_id=person["id"], locale=of_request)
    trace = client.wait_ended(accepted["notification_id"])
    (mail,), (push,) = client.mails(person["email"]), client.pushes(token)
    subject = {"fr": "Bonjour Ada", "en": "Hello Ada"}[locale]
    assert (mail["subject"], push["message"]["notification"]["title"]) == (subject, subject), told(trace)
    assert {each["locale"] for each in trace["deliveries"]} == {locale}, told(trace)


def test_a_recipients_own_locale_counts(client: Client, bilingual: str) -> None:
    recipient: Json = {"email": address(), "locale": "fr-CA"}
    accepted = client.notify(template_code=bilingual, recipient=recipient, channels=["email"])
    client.wait_ended(accepted["notification_id"])
    (mail,) = client.mails(recipient["email"])
    assert (mail["subject"], mail["text"]) == ("Bonjour Ada", "Ça va ?")


def test_variables_are_escaped_in_html_and_nowhere_else(client: Client) -> None:
    person = client.create_user(name="Zoë <&> “Ada”")
    token = client.add_device(person["id"])["token"]
    code = client.publish_template({**EMAIL, "text": "Hello {{ name }}"}, PUSH)
    accepted = client.notify(template_code=code, user_id=person["id"], variables={"name": "<b>Zoë</b> & 😀"})
    client.wait_ended(accepted["notification_id"])
    (mail,), (push,) = client.mails(person["email"]), client.pushes(token)
    assert mail["html"].strip() == "<p>Hello &lt;b&gt;Zoë&lt;/b&gt; &amp; 😀</p>"
    assert mail["text"].strip() == mail["subject"] == "Hello <b>Zoë</b> & 😀"
    assert push["message"]["notification"]["title"] == "Hello <b>Zoë</b> & 😀"
    assert person["name"] in mail["to"]


@pytest.mark.parametrize(
    "break_in", ["\r\nBcc: thief@example.test", "\n\nA body of my own", "\r\n.\r\nMAIL FROM:<x@y>"]
)
def test_a_variable_cannot_add_a_header_or_a_body(break_in: str, client: Client, code: str) -> None:
    recipient: Json = {"email": address()}
    accepted = client.notify(
        template_code=code, recipient=recipient, channels=["email"], variables={"name": f"Ada{break_in}"}
    )
    trace = client.wait_ended(accepted["notification_id"])
    assert trace["status"] == "sent", told(trace)
    (mail,) = client.mails(recipient["email"])
    assert "Bcc" not in mail["headers"]
    assert mail["envelope"]["rcpt_to"] == [recipient["email"]]
    assert client.mails("thief@example.test") == []


def test_variables_and_metadata_come_back_as_they_were_given(client: Client, code: str) -> None:
    variables = {"name": "Ada", "nested": {"list": [1, 2.5, None, True, "ß\u2028"]}, "": "empty"}
    metadata = {"order": 4711, "tags": ["a", "b"]}
    accepted = client.notify(
        template_code=code,
        recipient={"email": address()},
        variables=variables,
        metadata=metadata,
        category="orders.new",
    )
    trace = client.trace(accepted["notification_id"])
    assert (trace["variables"], trace["metadata"], trace["category"]) == (variables, metadata, "orders.new")
