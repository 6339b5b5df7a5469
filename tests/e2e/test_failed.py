"""/v1/failed: what failed is found, understood, corrected and sent after all, or put aside."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.e2e.api import EMAIL, Client, Json, address, delivery_of, events_of, succeeded, told
from tests.e2e.problems import pointers, problem
from tests.e2e.waiting import eventually

BROKEN = {"channel": "email", "locale": "en", "subject": "Broken", "html": "<p>Hello\n{{ name.first.initial }}</p>"}
CORRECTED = {"channel": "email", "locale": "en", "subject": "Corrected", "html": "<p>Hello {{ name }}</p>"}
DEMANDING = {"channel": "email", "locale": "en", "subject": "{{ order }}", "html": "<p>{{ place }}</p>"}
RATE = 10


@pytest.fixture
def broken(client: Client) -> str:
    """A template that cannot be rendered; each test has its own, and with it its own failures."""
    return client.publish_template(BROKEN)


def correct(client: Client, code: str, content: Json = CORRECTED) -> None:
    version = succeeded(client.call(f"POST /v1/templates/{code}/versions", {"contents": [content]}))["number"]
    succeeded(client.call(f"POST /v1/templates/{code}/versions/{version}/publish"))


def failures(client: Client, code: str, query: str = "") -> list[Json]:
    return list(succeeded(client.call(f"GET /v1/failed?template_code={code}{query}"))["items"])


def fail(client: Client, code: str, to: str | None = None, **fields: Json) -> tuple[str, str]:
    """A notification whose only delivery has failed, and the failure's id."""
    person = fields if "user_id" in fields else {**fields, "recipient": {"email": to or address()}}
    notification_id = str(client.notify(template_code=code, **person)["notification_id"])
    trace = client.wait_ended(notification_id)
    assert trace["status"] == "failed", told(trace)
    (failure,) = succeeded(client.call(f"GET /v1/failed?notification_id={notification_id}"))["items"]
    return notification_id, str(failure["id"])


def replay(client: Client, failure_id: str, body: Json = None) -> Json:
    answer = client.call(f"POST /v1/failed/{failure_id}/replay", body)
    assert answer.status_code == 202, answer.text
    return answer.json()


def test_a_template_is_corrected_and_what_it_failed_is_sent(client: Client, broken: str) -> None:
    to = address()
    notification_id, failure_id = fail(client, broken, to)
    failed = delivery_of(client.trace(notification_id))
    (listed,) = failures(client, broken, "&reason=render_failed&channel=email")
    assert (listed["id"], listed["delivery_id"], listed["state"]) == (failure_id, failed["delivery_id"], "failed")

    shown = succeeded(client.call(f"GET /v1/failed/{failure_id}"))
    assert shown["error"]["reason"] == "render_failed"
    assert (shown["message"]["template_version"], shown["message"]["rendered"]) == (1, None)
    assert shown["message"]["error"]["line"] == 2
    assert (shown["replayable"], shown["not_replayable"]) == (True, None)
    assert [event["event"] for event in shown["history"]] == events_of(failed)

    correct(client, broken)
    now = succeeded(client.call(f"GET /v1/failed/{failure_id}?use_current_template=true"))["message"]
    assert (now["template_version"], now["error"]) == (2, None)
    assert now["rendered"]["html"] == "<p>Hello Ada</p>"

    replayed = replay(client, failure_id, {"use_current_template": True})
    assert replayed == {"delivery_id": failed["delivery_id"], "status": "queued"}
    ended = client.wait_ended(notification_id)
    assert ended["status"] == "sent", told(ended)
    assert events_of(delivery_of(ended)) == [*events_of(failed), "replayed", "sending", "sent"]
    (mail,) = client.mails(to)
    assert mail["subject"] == "Corrected"
    assert replay(client, failure_id)["status"] == "sent"
    assert failures(client, broken) == []
    assert [each["id"] for each in failures(client, broken, "&state=replayed")] == [failure_id]


def test_without_the_wish_it_fails_as_it_did_and_leaves_a_second_record(client: Client, broken: str) -> None:
    notification_id, first = fail(client, broken)
    correct(client, broken)
    replay(client, first)
    trace = client.wait_ended(notification_id)
    assert trace["status"] == "failed", told(trace)
    (second,) = failures(client, broken)
    assert second["id"] != first
    replay(client, second["id"], {"use_current_template": True})
    assert client.wait_ended(notification_id)["status"] == "sent"


def test_a_recipient_who_was_rejected_is_rejected_again(client: Client) -> None:
    code = client.publish_template(EMAIL)
    to = address("reject")
    notification_id, failure_id = fail(client, code, to)
    (listed,) = failures(client, code)
    assert (listed["reason"], listed["error"]["provider_code"][:3]) == ("address_rejected", "550")
    assert replay(client, failure_id, {})["status"] == "queued"
    trace = client.wait_ended(notification_id)
    assert events_of(delivery_of(trace)).count("failed") == 2
    assert delivery_of(trace)["attempts"] == 1
    shown = succeeded(client.call(f"GET /v1/failed/{failures(client, code)[0]['id']}"))
    assert to not in str(shown)


def test_thirty_are_replayed_at_ten_a_second(client: Client, broken: str) -> None:
    to = address()
    sent = [client.notify(template_code=broken, recipient={"email": to})["notification_id"] for _ in range(30)]
    client.wait_all_ended(sent, within_s=30)
    correct(client, broken)
    body = {"filter": {"template_code": broken}, "limit": 100, "per_second": RATE, "use_current_template": True}
    answer = client.call("POST /v1/failed/replay", body)
    assert (answer.status_code, answer.json()) == (202, {"matched": 30, "replayed": 30})
    again = succeeded(client.call("POST /v1/failed/replay", body))
    assert again == {"matched": 0, "replayed": 0}
    ended = client.wait_all_ended(sent, within_s=40)
    assert {trace["status"] for trace in ended.values()} == {"sent"}
    waited_s = [waited(delivery_of(trace)) for trace in ended.values()]
    assert max(waited_s) >= 2.9
    for seconds in (1, 2):
        assert sum(1 for each in waited_s if each < seconds) <= seconds * RATE
    assert len(client.mails(to)) == 30


def waited(delivery: Json) -> float:
    """Seconds between the replay and the beginning of the attempt."""
    at = {event["event"]: datetime.fromisoformat(event["at"]) for event in delivery["events"]}
    return (at["sending"] - at["replayed"]).total_seconds()


def test_many_are_replayed_only_within_the_filter_and_the_limit(client: Client, broken: str) -> None:
    for _ in range(2):
        fail(client, broken)
    future = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    others: list[Json] = [{"reason": "crashed"}, {"channel": "push"}, {"from": future}, {"to": "2020-01-01T00:00:00Z"}]
    for other in others:
        told_none = client.call("POST /v1/failed/replay", {"filter": {"template_code": broken, **other}})
        assert succeeded(told_none) == {"matched": 0, "replayed": 0}
    wanted = {"template_code": broken, "reason": "render_failed", "channel": "email", "to": future}
    answer = client.call("POST /v1/failed/replay", {"filter": wanted, "limit": 1})
    assert succeeded(answer) == {"matched": 2, "replayed": 1}


def test_what_is_discarded_stays_failed(client: Client, broken: str) -> None:
    notification_id, failure_id = fail(client, broken)
    for _ in range(2):
        assert client.call(f"DELETE /v1/failed/{failure_id}").status_code == 204
    problem(client.call(f"POST /v1/failed/{failure_id}/replay"), 409, "failure_discarded")
    delivery = delivery_of(client.trace(notification_id))
    assert (delivery["status"], events_of(delivery)[-1]) == ("failed", "discarded")
    assert failures(client, broken) == []
    (kept,) = failures(client, broken, "&state=discarded")
    assert kept["closed_at"]
    shown = succeeded(client.call(f"GET /v1/failed/{failure_id}"))
    assert (shown["replayable"], shown["not_replayable"]) == (False, "discarded")


def test_what_was_replayed_cannot_be_discarded(client: Client, broken: str) -> None:
    _, failure_id = fail(client, broken)
    replay(client, failure_id)
    problem(client.call(f"DELETE /v1/failed/{failure_id}"), 409, "failure_replayed")


def test_what_has_expired_is_not_replayed(client: Client, broken: str) -> None:
    expires_at = datetime.now(UTC) + timedelta(seconds=3)
    _, failure_id = fail(client, broken, expires_at=expires_at.isoformat())
    eventually(lambda: datetime.now(UTC) > expires_at, within_s=10, otherwise=lambda: "time stands still")
    problem(client.call(f"POST /v1/failed/{failure_id}/replay"), 409, "failure_expired")


def test_a_current_template_that_does_not_fit_is_refused_with_what_it_lacks(client: Client, broken: str) -> None:
    _, failure_id = fail(client, broken)
    correct(client, broken, DEMANDING)
    answer = client.call(f"POST /v1/failed/{failure_id}/replay", {"use_current_template": True})
    refusal = problem(answer, 422, "missing_variables")
    assert "order, place" in refusal["detail"]
    assert pointers(refusal) == {"/use_current_template"}
    body = {"filter": {"template_code": broken}, "use_current_template": True}
    assert succeeded(client.call("POST /v1/failed/replay", body)) == {"matched": 1, "replayed": 0}


def test_of_an_erased_person_only_the_reason_is_left(client: Client, broken: str) -> None:
    user = client.create_user(name="Quetzalcoatl")
    _, failure_id = fail(client, broken, user_id=user["id"])
    assert client.call(f"DELETE /v1/users/{user['id']}").status_code == 204
    shown = succeeded(client.call(f"GET /v1/failed/{failure_id}"))
    assert (shown["message"], shown["error"]["detail"], shown["not_replayable"]) == (None, None, "erased")
    problem(client.call(f"POST /v1/failed/{failure_id}/replay"), 409, "failure_erased")


def test_pages_lead_through_all_and_a_cursor_is_of_its_list(client: Client, broken: str) -> None:
    failed = [fail(client, broken)[1] for _ in range(3)]
    first = succeeded(client.call(f"GET /v1/failed?template_code={broken}&limit=2"))
    assert [each["id"] for each in first["items"]] == failed[:0:-1]
    cursor = first["next_cursor"]
    second = succeeded(client.call(f"GET /v1/failed?template_code={broken}&limit=2&cursor={cursor}"))
    assert ([each["id"] for each in second["items"]], second["next_cursor"]) == (failed[:1], None)
    refusal = problem(client.call(f"GET /v1/failed?cursor={cursor}"), 422)
    assert pointers(refusal) == {"cursor"}


@pytest.mark.parametrize("query", ["reason=bad_luck", "state=open", "channel=pigeon", "from=yesterday", "surprise=1"])
def test_a_filter_that_means_nothing_is_refused(client: Client, query: str) -> None:
    refusal = problem(client.call(f"GET /v1/failed?{query}"), 422)
    assert pointers(refusal) == {query.partition("=")[0]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"filter": {"reason": "bad_luck"}},
        {"filter": {"user_id": str(uuid4())}},
        {"filter": {}, "limit": 10_001},
        {"filter": {}, "limit": 0},
        {"filter": {}, "per_second": 0},
        {"filter": {}, "per_second": 1001},
        {"filter": {}, "use_current_template": "yes"},
    ],
)
def test_a_replay_of_many_that_means_nothing_is_refused(client: Client, body: Json) -> None:
    problem(client.call("POST /v1/failed/replay", body), 422)


def test_what_does_not_exist_is_404(client: Client) -> None:
    for route in ("GET /v1/failed/{}", "POST /v1/failed/{}/replay", "DELETE /v1/failed/{}"):
        problem(client.call(route.format(uuid4())), 404, "not_found")
        problem(client.call(route.format("nothing")), 404, "not_found")
    problem(client.call("GET /v1/failed/replay"), 405)


def test_the_audit_trail_says_who_decided(client: Client, broken: str) -> None:
    _, replayed = fail(client, broken)
    _, discarded = fail(client, broken)
    replay(client, replayed)
    client.call(f"DELETE /v1/failed/{discarded}")
    for action, failure_id in (("failure.replayed", replayed), ("failure.discarded", discarded)):
        entries = succeeded(client.call(f"GET /v1/audit?action={action}&limit=200"))["items"]
        assert f"failure:{failure_id}" in {entry["target"] for entry in entries}
