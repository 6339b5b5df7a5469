"""GET /v1/notifications: everybody's, or one's own, newest first, whole but for the events."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from tests.e2e.api import EMAIL, Client, Json, address, succeeded
from tests.e2e.people import SignedIn, signed_in
from tests.e2e.problems import assert_secure, problem

LIST = "GET /v1/notifications"


def listed(caller: Client | SignedIn, **query: object) -> list[Json]:
    """All pages, one after the other."""
    found: list[Json] = []
    cursor: dict[str, object] = {}
    while True:
        page = succeeded(caller.call(f"{LIST}?{urlencode(query | cursor)}"))
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.fixture
def code(client: Client) -> str:
    return client.publish_template(EMAIL)


def notify(client: Client, code: str, **fields: Json) -> str:
    to = {} if "user_id" in fields else {"recipient": {"email": address()}}
    return str(client.notify(template_code=code, **{**to, **fields})["notification_id"])


def test_pages_together_are_everything_newest_first(client: Client, code: str) -> None:
    made = [notify(client, code) for _ in range(5)]
    for limit in (2, 5, 50):
        assert [item["id"] for item in listed(client, template_code=code, limit=limit)] == made[::-1]
    answer = client.call(f"{LIST}?template_code={code}&limit=2")
    assert_secure(answer)
    newer = notify(client, code)
    second = succeeded(client.call(f"{LIST}?template_code={code}&limit=2&cursor={answer.json()['next_cursor']}"))
    assert [item["id"] for item in second["items"]] == [made[2], made[1]]
    assert listed(client, template_code=code)[0]["id"] == newer


def test_an_item_is_the_notification_without_its_events(client: Client, code: str) -> None:
    notification_id = notify(client, code, metadata={"order": 7})
    trace = client.wait_ended(notification_id)
    for delivery in trace["deliveries"]:
        assert delivery.pop("events")
    assert listed(client, template_code=code) == [trace]


def test_each_status_lists_its_own(client: Client, code: str) -> None:
    sent = notify(client, code)
    failed = notify(client, code, recipient={"email": address("reject")})
    skipped = notify(client, code, recipient={})
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    scheduled = notify(client, code, send_at=tomorrow.isoformat())
    client.wait_all_ended([sent, failed, skipped], within_s=30)
    by_status = {"sent": sent, "failed": failed, "skipped": skipped, "scheduled": scheduled}
    for status, notification_id in by_status.items():
        found = [item["id"] for item in listed(client, template_code=code, status=status)]
        assert found == [notification_id], status
    assert listed(client, template_code=code, status="cancelled") == []
    assert len(listed(client, template_code=code, channel="email")) == 4
    assert listed(client, template_code=code, channel="push") == []


def test_from_is_inclusive_and_to_is_not(client: Client, code: str) -> None:
    made = [notify(client, code) for _ in range(3)]
    created_at = client.trace(made[1])["created_at"]
    assert [item["id"] for item in listed(client, template_code=code, **{"from": created_at})] == made[:0:-1]
    assert [item["id"] for item in listed(client, template_code=code, to=created_at)] == made[:1]


def test_a_cursor_is_bound_to_its_filters(client: Client, code: str) -> None:
    for _ in range(2):
        notify(client, code)
    cursor = succeeded(client.call(f"{LIST}?template_code={code}&limit=1"))["next_cursor"]
    succeeded(client.call(f"{LIST}?template_code={code}&limit=50&cursor={cursor}"))
    problem(client.call(f"{LIST}?template_code={code}&status=sent&cursor={cursor}"), 422, "invalid_request")
    problem(client.call(f"{LIST}?cursor={cursor}"), 422, "invalid_request")


def test_a_person_sees_their_own_and_nothing_else(client: Client, code: str) -> None:
    ada, grace = signed_in(client), signed_in(client)
    mine = [notify(client, code, user_id=ada.user["id"]) for _ in range(2)]
    others = notify(client, code, user_id=grace.user["id"])
    strangers = notify(client, code)
    for query in ({}, {"user_id": ada.user["id"]}):
        assert [item["id"] for item in listed(ada, **query)] == mine[::-1]
    assert [item["id"] for item in listed(client, user_id=ada.user["id"])] == mine[::-1]
    problem(ada.call(f"{LIST}?user_id={grace.user['id']}"), 403, "not_yours")
    assert succeeded(ada.call(f"{LIST}/{mine[0]}"))["id"] == mine[0]
    for notification_id in (others, strangers):
        problem(ada.call(f"{LIST}/{notification_id}"), 403, "not_yours")
    problem(ada.call("POST /v1/notifications", {"template_code": code, "recipient": {}}), 403, "insufficient_scope")
    problem(ada.call(f"POST /v1/notifications/{mine[0]}/cancel"), 403, "insufficient_scope")
    cursor = succeeded(ada.call(f"{LIST}?limit=1"))["next_cursor"]
    problem(grace.call(f"{LIST}?limit=1&cursor={cursor}"), 422, "invalid_request")
