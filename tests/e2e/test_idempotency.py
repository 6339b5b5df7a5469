"""One Idempotency-Key is one notification: repeated, at the same moment, or with Redis gone."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from offline.stack.stack import Stack
from tests.e2e.api import Client, Json, address, delivery_of, told, unique

AT_ONCE = 50
ROUTE = "POST /v1/notifications"


@pytest.fixture(scope="module")
def code(client: Client) -> str:
    return client.publish_template()


def order(code: str, **fields: Json) -> dict[str, Json]:
    """A request of its own: nobody else has its address."""
    body = {"template_code": code, "recipient": {"email": address()}, "channels": ["email"]}
    return {**body, "variables": {"name": "Ada"}, **fields}


def post(client: Client, body: Json, key: str) -> httpx.Response:
    return client.call(ROUTE, body, headers={"Idempotency-Key": key})


def post_at_once(client: Client, body: Json, key: str) -> Sequence[httpx.Response]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda _: post(client, body, key), range(AT_ONCE)))


def assert_one_notification(client: Client, body: Json, answers: Sequence[httpx.Response]) -> None:
    """All answers are 202 or 409, every 202 names the same notification, and its mail arrives once."""
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses.keys() <= {202, 409}, [answer.text for answer in answers]
    accepted = [answer.json() for answer in answers if answer.status_code == 202]
    assert accepted, statuses
    assert accepted == [accepted[0]] * len(accepted)
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers if answer.status_code == 202) == 1
    for refused in (answer for answer in answers if answer.status_code == 409):
        assert refused.json()["code"] == "request_in_progress"
        assert int(refused.headers["Retry-After"]) >= 1
    trace = client.wait_ended(accepted[0]["notification_id"])
    assert delivery_of(trace)["status"] == "sent", told(trace)
    assert len(client.mails(body["recipient"]["email"])) == 1


def test_the_same_request_again_gets_the_same_answer_and_says_so(client: Client, code: str) -> None:
    body, key = order(code), unique("key")
    first, again = post(client, body, key), post(client, body, key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert client.place(again) == client.place(first) == f"/v1/notifications/{first.json()['notification_id']}"
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert_one_notification(client, body, [first, again])


def test_the_same_request_in_other_words_is_the_same_request(client: Client, code: str) -> None:
    body, key = order(code), unique("key")
    first = post(client, body, key)
    again = post(client, dict(reversed(body.items())), key)
    assert again.json() == first.json()


def test_the_answer_stays_the_same_when_the_notification_has_moved_on(client: Client, code: str) -> None:
    body, key = order(code), unique("key")
    first = post(client, body, key)
    client.wait_ended(first.json()["notification_id"])
    assert post(client, body, key).json() == first.json()


@pytest.mark.parametrize(
    "change", [{"variables": {"name": "Grace"}}, {"priority": "high"}, {"metadata": {"a": 1}}, {"channels": ["push"]}]
)
def test_another_request_with_the_same_key_is_refused(change: Json, client: Client, code: str) -> None:
    body, key = order(code), unique("key")
    first = post(client, body, key)
    other = post(client, {**body, **change}, key)
    assert (first.status_code, other.status_code) == (202, 422), other.text
    assert other.json()["code"] == "idempotency_key_reused"
    assert post(client, body, key).json() == first.json()


def test_a_refused_request_does_not_use_its_key_up(client: Client, code: str) -> None:
    body, key = order(code), unique("key")
    refused = post(client, {**body, "variables": {}}, key)
    assert (refused.status_code, refused.json()["code"]) == (422, "missing_variables")
    accepted = post(client, body, key)
    assert accepted.status_code == 202, accepted.text
    assert "Idempotent-Replayed" not in accepted.headers


def test_without_a_key_every_request_is_one_of_its_own(client: Client, code: str) -> None:
    body = order(code)
    ids = {client.call(ROUTE, body).json()["notification_id"] for _ in range(2)}
    client.wait_all_ended(ids, within_s=20)
    assert len(client.mails(body["recipient"]["email"])) == len(ids) == 2


@pytest.mark.parametrize("key", ["", "k" * 256, "tab\tkey", "clé"])
def test_a_malformed_key_is_refused(key: str, client: Client, code: str) -> None:
    answer = client.call(ROUTE, order(code), headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text


def test_the_longest_key_is_good(client: Client, code: str) -> None:
    key = unique("key").ljust(255, "-")
    body = order(code)
    assert_one_notification(client, body, [post(client, body, key) for _ in range(2)])


@pytest.mark.parametrize("turn", range(3))
def test_many_at_the_same_moment_are_one_notification(turn: int, client: Client, code: str) -> None:
    body, key = order(code, metadata={"turn": turn}), unique("key")
    assert_one_notification(client, body, post_at_once(client, body, key))


def test_a_key_is_kept_although_redis_is_gone_and_back(breakable_stack: Stack, client: Client, code: str) -> None:
    before, before_key = order(code), unique("key")
    first = post(client, before, before_key)
    breakable_stack.kill("valkey")
    replayed = post(client, before, before_key)
    assert (replayed.status_code, replayed.json()) == (202, first.json())
    assert replayed.headers["Idempotent-Replayed"] == "true"
    assert post(client, {**before, "priority": "high"}, before_key).json()["code"] == "idempotency_key_reused"
    during, during_key = order(code), unique("key")
    answers = post_at_once(client, during, during_key)
    assert_one_notification(client, during, answers)
    breakable_stack.start("valkey")
    assert_one_notification(client, during, [*answers, post(client, during, during_key)])
    assert_one_notification(client, before, [first, post(client, before, before_key)])


def test_of_different_requests_with_one_key_at_the_same_moment_one_wins(client: Client, code: str) -> None:
    bodies, key = [order(code) for _ in range(AT_ONCE)], unique("key")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda body: post(client, body, key), bodies))
    (winner,) = [body for body, answer in zip(bodies, answers, strict=True) if answer.status_code == 202]
    refused = {(answer.status_code, answer.json()["code"]) for answer in answers if answer.status_code != 202}
    assert refused <= {(409, "request_in_progress"), (422, "idempotency_key_reused")}
    assert post(client, winner, key).headers["Idempotent-Replayed"] == "true"
