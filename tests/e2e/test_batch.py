"""POST /v1/notifications/batch: as many posts, in one request."""

import time

import pytest

from tests.e2e.api import EMAIL, Client, Json, address, succeeded, unique
from tests.e2e.problems import problem

BATCH = "POST /v1/notifications/batch"
SINGLE = "POST /v1/notifications"


@pytest.fixture(scope="module")
def code(client: Client) -> str:
    return client.publish_template(EMAIL)


def order(code: str, **fields: Json) -> dict[str, Json]:
    return {"template_code": code, "recipient": {"email": address()}, "variables": {"name": "Ada"}, **fields}


def post(client: Client, *items: Json) -> list[Json]:
    """What became of each item."""
    answer = client.call(BATCH, {"items": list(items)})
    assert answer.status_code == 202, answer.text
    told = list(answer.json()["items"])
    assert [one["index"] for one in told] == list(range(len(items)))
    return told


def id_of(told: Json) -> str:
    assert told["status"] == 202, told
    return str(told["notification"]["notification_id"])


def test_items_do_not_affect_each_other(client: Client, code: str) -> None:
    user = client.create_user()
    good = order(code)
    to_user = {"template_code": code, "user_id": user["id"], "variables": {"name": "Ada"}}
    told = post(
        client,
        good,
        order("unheard-of"),
        to_user,
        order(code, variables={}),
        "no object",
        order(code, metadata={"x": "x" * 300_000}),
        order(code, channels=["push"]),
        order(code, recipient={}),
    )
    assert [one["status"] for one in told] == [202, 422, 202, 422, 422, 413, 422, 202]
    codes = [one["problem"]["code"] for one in told if "problem" in one]
    assert codes == [
        "template_not_found",
        "missing_variables",
        "invalid_request",
        "body_too_large",
        "channel_not_in_template",
    ]
    assert [flaw["pointer"] for flaw in told[3]["problem"]["errors"]] == ["/variables/name"]
    assert told[7]["notification"]["status"] == "skipped"
    client.wait_all_ended([id_of(told[0]), id_of(told[2])], within_s=20)
    assert len(client.mails(good["recipient"]["email"])) == len(client.mails(user["email"])) == 1


def test_a_repeated_batch_is_answered_and_not_repeated(client: Client, code: str) -> None:
    items = [order(code, idempotency_key=unique("key")) for _ in range(3)]
    first, again = post(client, *items), post(client, *items)
    assert [one["notification"] for one in again] == [one["notification"] for one in first]
    assert [one.get("replayed") for one in first + again] == [None] * 3 + [True] * 3
    client.wait_all_ended([id_of(one) for one in first], within_s=20)
    for item in items:
        assert len(client.mails(item["recipient"]["email"])) == 1


def test_a_key_twice_in_a_batch_is_two_posts_one_after_the_other(client: Client, code: str) -> None:
    key = unique("key")
    item = order(code, idempotency_key=key)
    first, same, other = post(client, item, item, {**item, "priority": "high"})
    assert id_of(same) == id_of(first)
    assert (other["status"], other["problem"]["code"]) == (422, "idempotency_key_reused")


def test_a_key_means_the_same_in_a_batch_and_alone(client: Client, code: str) -> None:
    item, key = order(code), unique("key")
    alone = succeeded(client.call(SINGLE, item, headers={"Idempotency-Key": key}))
    (told,) = post(client, {**item, "idempotency_key": key})
    assert (told["notification"], told["replayed"]) == (alone, True)
    later, later_key = order(code), unique("key")
    (first,) = post(client, {**later, "idempotency_key": later_key})
    replay = client.call(SINGLE, later, headers={"Idempotency-Key": later_key})
    assert (replay.json(), replay.headers["Idempotent-Replayed"]) == (first["notification"], "true")


def test_what_is_no_batch_is_refused_as_a_whole(client: Client, code: str) -> None:
    problem(client.call(BATCH, {"items": []}), 422, "invalid_request")
    problem(client.call(BATCH, {"items": [order(code)]}, headers={"Idempotency-Key": "key"}), 422, "invalid_request")
    large = order(code, metadata={"x": "x" * 200_000})
    problem(client.call(BATCH, {"items": [large] * 27}), 413, "body_too_large")


def test_five_hundred_are_accepted_at_once_and_all_arrive(client: Client, code: str) -> None:
    items = [order(code, idempotency_key=unique("key")) for _ in range(500)]
    began_s = time.monotonic()
    told = post(client, *items)
    took_s = time.monotonic() - began_s
    assert {one["status"] for one in told} == {202}
    assert took_s < 5, f"{took_s:.1f} s"
    ended = client.wait_all_ended([id_of(one) for one in told], within_s=60)
    assert {trace["status"] for trace in ended.values()} == {"sent"}
