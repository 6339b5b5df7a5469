"""The mail server goes away: its circuit opens, deliveries wait uncounted, and all are sent when it is back."""

import time

from offline.stack.stack import Stack
from tests.e2e.api import Client, Json, address, delivery_of, events_of, succeeded, told
from tests.e2e.waiting import eventually

NAME = "email:mailsink"
CROWD = 150
OUTAGE_S = 20.0
BACK_WITHIN_S = 60.0
UNTROUBLED = 4  # accepted, queued, sending, sent
MOST_ROWS_MORE = 3
THRESHOLD = 20
IN_FLIGHT = 2 * 16  # two functions send e-mail, each so many at once


def circuit(client: Client) -> Json:
    items = succeeded(client.call("GET /v1/circuits"))["items"]
    return next(each for each in items if each["name"] == NAME)


def waits(trace: Json) -> bool:
    return delivery_of(trace)["status"] in ("deferred", "retrying")


def test_while_a_provider_is_away_its_deliveries_are_deferred_and_all_are_sent_afterwards(
    breakable_stack: Stack, client: Client, email_template: str
) -> None:
    breakable_stack.kill("mail-sink")
    back_at_s = time.monotonic() + OUTAGE_S
    ids = [
        client.notify(template_code=email_template, recipient={"email": address()})["notification_id"]
        for _ in range(CROWD)
    ]
    eventually(lambda: circuit(client)["state"] != "closed", within_s=20, otherwise=lambda: circuit(client))
    eventually(
        lambda: time.monotonic() >= back_at_s and waits(client.trace(ids[-1])),
        within_s=OUTAGE_S + 20,
        otherwise=lambda: told(client.trace(ids[-1])),
    )
    breakable_stack.start("mail-sink")
    ended = client.wait_all_ended(ids, within_s=BACK_WITHIN_S)
    assert {trace["status"] for trace in ended.values()} == {"sent"}
    deliveries = {notification_id: delivery_of(trace) for notification_id, trace in ended.items()}
    failed_attempts = sum(delivery["attempts"] - 1 for delivery in deliveries.values())
    assert failed_attempts <= THRESHOLD + IN_FLIGHT
    for notification_id, delivery in deliveries.items():
        story = told(ended[notification_id])
        deferrals = [event for event in delivery["events"] if event["event"] == "deferred"]
        assert {event["reason"] for event in deferrals} <= {"circuit_open"}, story
        if delivery["attempts"] == 1:
            assert len(deferrals) <= 1, story
        assert events_of(delivery).count("retrying") == delivery["attempts"] - 1, story
    untroubled = [events_of(delivery) for delivery in deliveries.values() if delivery["attempts"] == 1]
    # one that was a probe several times has a row for each: what counts is how the table grows
    assert sum(map(len, untroubled)) <= (UNTROUBLED + MOST_ROWS_MORE) * len(untroubled)
    assert any("last_at" in event for delivery in deliveries.values() for event in delivery["events"])
    eventually(lambda: circuit(client)["state"] == "closed", within_s=10, otherwise=lambda: circuit(client))


def test_a_reset_is_written_into_the_audit_trail(client: Client) -> None:
    answer = client.call(f"POST /v1/circuits/{NAME}/reset")
    assert (answer.status_code, answer.json()["state"]) == (200, "closed")
    entries = succeeded(client.call("GET /v1/audit?action=circuit.reset"))["items"]
    assert entries[0]["target"] == f"circuit:{NAME}"
    assert entries[0]["correlation_id"] == answer.headers["X-Correlation-ID"]
