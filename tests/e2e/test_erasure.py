"""Erasing a person: afterwards nothing that the stack holds, or has logged, knows a word of theirs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from offline.stack.stack import Stack
from tests.e2e.api import EMAIL, PUSH, Client, Json, delivery_of, events_of, succeeded, told, unique
from tests.e2e.emulator import invoke, paused
from tests.e2e.people import PASSWORD, SignedIn, log_in, signed_in
from tests.e2e.problems import problem
from tests.e2e.waiting import eventually
from tests.everything_stored import found, in_files, in_postgresql, in_rabbitmq, in_redis

NAME = "Zyxomma Petiolatum"
SURNAME = "petiolatum"
SECRET = "dragonfly-4711"
WORDS = ("zyxomma", SURNAME, SECRET)


def everything(stack: Stack) -> Iterator[tuple[str, str]]:
    yield from in_postgresql(stack.addresses["DATABASE_URL"])
    yield from in_redis(stack.addresses["REDIS_URL"])
    yield from in_rabbitmq(stack.addresses["RABBITMQ_MANAGEMENT_URL"])


@pytest.fixture
def person(client: Client) -> SignedIn:
    """Somebody with a word of their own in every place that takes one."""
    email = f"{unique('zyxomma')}@{SURNAME}.test"
    person = signed_in(client, name=NAME, email=email, external_id=unique(SECRET), timezone="Asia/Kolkata")
    client.add_device(person.user["id"], token=unique(SECRET))
    preferences = {"categories": {SECRET: {"push": False}}, "quiet_hours": None}
    succeeded(person.call("PUT /v1/users/me/preferences", preferences))
    return person


def notify(client: Client, person: SignedIn, code: str, **fields: Json) -> str:
    accepted = client.notify(
        template_code=code,
        user_id=person.user["id"],
        variables={"name": NAME, "nested": {"a": [SECRET]}},
        metadata={"order": SECRET},
        headers={"Idempotency-Key": unique(f"for {person.user['email']}")},
        **fields,
    )
    return str(accepted["notification_id"])


def test_after_an_erasure_no_word_of_the_person_is_left_anywhere(
    stack: Stack, client: Client, person: SignedIn
) -> None:
    code = client.publish_template(EMAIL, PUSH)
    failing = client.publish_template({**EMAIL, "html": "<p>{{ name + 1 }}</p>"})
    later = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    sent, failed = notify(client, person, code), notify(client, person, failing)
    scheduled = notify(client, person, code, send_at=later)
    client.wait_ended(sent)
    client.wait_ended(failed)
    problem(client.call("POST /v1/users", {"email": person.user["email"].upper(), "name": NAME}), 409)
    other = client.create_user()
    problem(client.call(f"PATCH /v1/users/{other['id']}", {"email": person.user["email"]}), 409)
    succeeded(client.call(f"GET /v1/users?email={person.user['email']}"))
    log_in(client, person.user["email"], "a wrong password")
    with paused(stack, "deliver_email", "deliver_push"):
        queued = notify(client, person, code)
        assert found(everything(stack), WORDS)
        assert person.call("DELETE /v1/users/me").status_code == 204
        assert found(everything(stack), WORDS) == {}
    assert found(in_files(stack.layout.logs), [person.user["id"], "duplicate key", "database system is ready"])
    assert found(in_files(stack.layout.logs), WORDS) == {}

    traces = [client.trace(each) for each in (sent, failed, scheduled, queued)]
    assert [trace["status"] for trace in traces] == ["sent", "failed", "cancelled", "cancelled"], told(traces)
    assert all(trace["user_id"] is None and trace["variables"] == {} for trace in traces)
    assert {delivery["reason"] for delivery in traces[2]["deliveries"]} == {"erased"}
    for route in ("GET /v1/users/me", "GET /v1/users/me/preferences"):
        problem(person.call(route), 401)
    problem(client.call(f"GET /v1/users/{person.user['id']}"), 404, "user_not_found")
    problem(client.call(f"DELETE /v1/users/{person.user['id']}"), 404, "user_not_found")
    problem(log_in(client, person.user["email"], PASSWORD), 401)


def test_what_comes_back_after_an_erasure_is_not_sent(stack: Stack, client: Client) -> None:
    person = signed_in(client, name=NAME, email=f"{unique('defer')}@example.test")
    retried = notify(client, person, client.publish_template(EMAIL))

    def has_been_tried() -> bool:
        return "retrying" in events_of(delivery_of(client.trace(retried)))

    eventually(has_been_tried, within_s=20, otherwise=lambda: told(client.trace(retried)))
    assert client.call(f"DELETE /v1/users/{person.user['id']}").status_code == 204
    delivery = delivery_of(client.wait_ended(retried))
    assert (delivery["status"], delivery["reason"]) in [("cancelled", "erased"), ("skipped", "erased")], told(delivery)
    assert client.mails(person.user["email"]) == []


def test_relay_goes_on_with_what_an_erasure_left(stack: Stack, client: Client) -> None:
    person = signed_in(client, name=NAME)
    assert client.call(f"DELETE /v1/users/{person.user['id']}").status_code == 204
    answer = invoke(stack, "relay", {})
    assert answer.status_code == 200
    assert "X-Amz-Function-Error" not in answer.headers
    # the person is noted, by id alone, until whatever had read them before has ended
    assert found(in_postgresql(stack.addresses["DATABASE_URL"]), [person.user["id"]]).keys() >= {
        "users.erasures.user_id"
    }
