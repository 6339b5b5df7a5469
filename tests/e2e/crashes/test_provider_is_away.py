"""The mail server goes away: its circuit opens, deliveries wait uncounted, and all are sent when it is back."""

from offline.stack.stack import Stack
from tests.e2e.api import Client, Json, address, delivery_of, events_of, succeeded, told
from tests.e2e.waiting import eventually

NAME = "email:mailsink"
CROWD = 60
MOST_ATTEMPTS = 4


def circuit(client: Client) -> Json:
    items = succeeded(client.call("GET /v1/circuits"))["items"]
    return next(each for each in items if each["name"] == NAME)


def test_while_a_provider_is_away_its_deliveries_are_deferred_and_all_are_sent_afterwards(
    breakable_stack: Stack, client: Client, email_template: str
) -> None:
    breakable_stack.kill("mail-sink")
    ids = [
        client.notify(template_code=email_template, recipient={"email": address()})["notification_id"]
        for _ in range(CROWD)
    ]
    eventually(lambda: circuit(client)["state"] != "closed", within_s=20, otherwise=lambda: circuit(client))
    eventually(
        lambda: any("deferred" in events_of(delivery_of(client.trace(each))) for each in ids),
        within_s=20,
        otherwise=lambda: told(client.trace(ids[-1])),
    )
    breakable_stack.start("mail-sink")
    ended = client.wait_all_ended(ids, within_s=60)
    assert {trace["status"] for trace in ended.values()} == {"sent"}
    for trace in ended.values():
        delivery = delivery_of(trace)
        assert delivery["attempts"] <= MOST_ATTEMPTS
        deferrals = [event for event in delivery["events"] if event["event"] == "deferred"]
        assert {event["reason"] for event in deferrals} <= {"circuit_open"}, told(trace)
        claims = events_of(delivery).count("sending")
        assert delivery["attempts"] == claims - len(deferrals), told(trace)
    eventually(lambda: circuit(client)["state"] == "closed", within_s=10, otherwise=lambda: circuit(client))


def test_a_reset_is_written_into_the_audit_trail(client: Client) -> None:
    answer = client.call(f"POST /v1/circuits/{NAME}/reset")
    assert (answer.status_code, answer.json()["state"]) == (200, "closed")
    entries = succeeded(client.call("GET /v1/audit?action=circuit.reset"))["items"]
    assert entries[0]["target"] == f"circuit:{NAME}"
    assert entries[0]["correlation_id"] == answer.headers["X-Correlation-ID"]
