"""The main job: what a client posts reaches the person, once, and every step of the way is on record."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

import pytest

from offline.stack.stack import Stack
from tests.e2e.api import Client, Json, delivery_of, events_of, told, unique

NOTIFICATIONS = 200
PEOPLE = 10
CALLERS = 4
TIMELINE = ["accepted", "queued", "sending", "sent"]


@dataclass(frozen=True, slots=True)
class Campaign:
    """Two hundred notifications to two channels each, at their ends. Traces are by correlation id."""

    emails: Mapping[str, str]
    tokens: Mapping[str, str]
    accepted: Mapping[str, Json]
    traces: Mapping[str, Json]

    @property
    def deliveries(self) -> Sequence[tuple[str, Json]]:
        return [(each, delivery) for each, trace in self.traces.items() for delivery in trace["deliveries"]]


@pytest.fixture(scope="module")
def campaign(client: Client) -> Campaign:
    people = [client.create_user() for _ in range(PEOPLE)]
    tokens = {person["id"]: client.add_device(person["id"])["token"] for person in people}
    code = client.publish_template()

    def send(number: int) -> tuple[str, Json]:
        correlation_id = unique("campaign")
        person = people[number % PEOPLE]
        headers = {"X-Correlation-ID": correlation_id}
        return correlation_id, client.notify(template_code=code, user_id=person["id"], headers=headers)

    with ThreadPoolExecutor(CALLERS) as pool:
        accepted = dict(pool.map(send, range(NOTIFICATIONS)))
    ended = client.wait_all_ended([each["notification_id"] for each in accepted.values()], within_s=60)
    return Campaign(
        emails={person["id"]: person["email"] for person in people},
        tokens=tokens,
        accepted=accepted,
        traces={correlation_id: ended[each["notification_id"]] for correlation_id, each in accepted.items()},
    )


@pytest.fixture(scope="module")
def logs(stack: Stack, campaign: Campaign) -> Mapping[str, str]:
    """What the API and the workers logged of it."""
    assert campaign.traces
    return {name: (stack.layout.logs / f"{name}.log").read_text() for name in ("front", "emulator")}


def test_every_202_names_its_deliveries_and_the_callers_correlation_id(campaign: Campaign) -> None:
    for correlation_id, answer in campaign.accepted.items():
        assert answer["correlation_id"] == correlation_id, answer
        assert answer["status"] == "accepted", answer
        assert [each["channel"] for each in answer["deliveries"]] == ["email", "push"], answer
        assert {each["status"] for each in answer["deliveries"]} == {"accepted"}, answer


def test_every_notification_is_sent_on_both_channels_at_the_first_attempt(campaign: Campaign) -> None:
    assert Counter(trace["status"] for trace in campaign.traces.values()) == {"sent": NOTIFICATIONS}
    outcomes = Counter((each["channel"], each["status"], each["attempts"]) for _, each in campaign.deliveries)
    assert outcomes == {("email", "sent", 1): NOTIFICATIONS, ("push", "sent", 1): NOTIFICATIONS}


def test_each_email_is_at_the_sink_exactly_once_and_at_the_right_person(campaign: Campaign, client: Client) -> None:
    arrived = Counter(
        (mail["message_id"].strip("<>").partition("@")[0], mail["envelope"]["rcpt_to"][0])
        for address in campaign.emails.values()
        for mail in client.mails(address)
    )
    wanted = Counter(
        (delivery_of(trace, "email")["id"], campaign.emails[trace["user_id"]]) for trace in campaign.traces.values()
    )
    assert arrived == wanted


def test_each_push_is_at_the_double_exactly_once_and_on_the_right_device(campaign: Campaign, client: Client) -> None:
    arrived = Counter(
        (push["message"]["data"]["delivery_id"], token)
        for token in campaign.tokens.values()
        for push in client.pushes(token)
    )
    wanted = Counter(
        (delivery_of(trace, "push")["id"], campaign.tokens[trace["user_id"]]) for trace in campaign.traces.values()
    )
    assert arrived == wanted


def test_every_delivery_has_its_whole_timeline_in_order_of_time(campaign: Campaign) -> None:
    for correlation_id, delivery in campaign.deliveries:
        times = [datetime.fromisoformat(event["at"]) for event in delivery["events"]]
        assert events_of(delivery) == TIMELINE, told(delivery)
        assert times == sorted(times), told(delivery)
        assert [event["attempt"] for event in delivery["events"]] == [0, 0, 1, 1], told(delivery)
        assert {event["correlation_id"] for event in delivery["events"]} == {correlation_id}, told(delivery)


def test_the_provider_that_accepted_a_delivery_is_on_record_with_its_own_id(campaign: Campaign) -> None:
    providers = {"email": "mailsink", "push": "fcm"}
    for _, delivery in campaign.deliveries:
        assert delivery["provider"] == delivery["events"][-1]["provider"] == providers[delivery["channel"]]
        assert delivery["provider_message_id"], told(delivery)
        assert delivery["next_attempt_at"] is None, told(delivery)


def test_the_correlation_id_stands_in_each_mail_and_in_each_push(campaign: Campaign, client: Client) -> None:
    of_delivery = {delivery["id"]: correlation_id for correlation_id, delivery in campaign.deliveries}
    for address in campaign.emails.values():
        for mail in client.mails(address):
            delivery_id = mail["message_id"].strip("<>").partition("@")[0]
            assert mail["headers"]["X-Correlation-ID"] == of_delivery[delivery_id]
    for token in campaign.tokens.values():
        for push in client.pushes(token):
            data = push["message"]["data"]
            assert data["correlation_id"] == of_delivery[data["delivery_id"]]


def test_the_correlation_id_stands_in_the_log_lines_of_the_api_and_of_both_workers(
    campaign: Campaign, logs: Mapping[str, str]
) -> None:
    lines = {name: [line for line in text.splitlines() if '"level"' in line] for name, text in logs.items()}
    for correlation_id in campaign.accepted:
        (answered,) = [line for line in lines["front"] if correlation_id in line]
        assert '"route":"POST /v1/notifications"' in answered
        assert '"status":202' in answered
    sent = Counter(line.partition('"correlation_id":"')[2].partition('"')[0] for line in lines["emulator"])
    assert {sent[correlation_id] for correlation_id in campaign.accepted} == {2}


def test_no_log_line_holds_an_address_or_a_device_token(campaign: Campaign, logs: Mapping[str, str]) -> None:
    personal = [*campaign.emails.values(), *campaign.tokens.values()]
    found = [(name, each) for name, text in logs.items() for each in personal if each in text]
    assert found == []
