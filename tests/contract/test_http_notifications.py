"""Lists and batches: what is refused before any server is asked."""

from collections.abc import Mapping

import pytest

from tests.gateway_client import GatewayClient, Json
from tests.requests_of_a_backend import NOTIFICATION, SOMEBODY, assert_problem

LIST = "GET /v1/notifications"
BATCH = "POST /v1/notifications/batch"


@pytest.mark.parametrize(
    "query",
    [
        "status=delivered",
        "status=",
        "channel=sms",
        "user_id=me",
        "template_code=No%20code",
        "from=yesterday",
        "from=2026-01-01T00:00:00",
        "to=2026-13-01T00:00:00Z",
        "limit=0",
        "limit=201",
        "limit=many",
        "cursor=no-cursor",
        "since=2026-01-01T00:00:00Z",
        "page=2",
        "status=sent&status=failed",
    ],
)
def test_a_malformed_or_unknown_parameter_is_422_and_named(client: GatewayClient, query: str) -> None:
    answer = client.call(f"{LIST}?{query}")
    assert_problem(answer, 422)
    assert answer.pointers == {query.partition("=")[0]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"items": []},
        {"items": {}},
        {"items": None},
        {"items": [NOTIFICATION] * 501},
        {"items": [NOTIFICATION], "dry_run": True},
    ],
    ids=["nothing", "none", "object", "null", "501", "unknown"],
)
def test_a_batch_that_is_none_is_422_as_a_whole(client: GatewayClient, body: Json) -> None:
    assert_problem(client.call(BATCH, body), 422)


def test_a_batch_takes_no_idempotency_key_of_its_own(client: GatewayClient) -> None:
    answer = client.call(BATCH, {"items": [NOTIFICATION]}, headers={"Idempotency-Key": "key"})
    assert_problem(answer, 422)
    assert answer.pointers == {"Idempotency-Key"}


def the_answer_to(client: GatewayClient, item: Json) -> Mapping[str, Json]:
    """What becomes of an item that is refused; the one before it shows where pointers begin."""
    refused = {"template_code": "welcome"}
    answer = client.call(BATCH, {"items": [refused, item]})
    assert answer.status == 202, answer.body
    first, second = answer.json["items"]
    assert (first["index"], first["status"], second["index"]) == (0, 422, 1)
    assert second.keys() == {"index", "status", "problem"}
    assert second["problem"]["status"] == second["status"]
    found: Mapping[str, Json] = second
    return found


@pytest.mark.parametrize(
    ("item", "pointer"),
    [
        ({"template_code": "welcome", "user_id": "nobody"}, "/user_id"),
        (NOTIFICATION | {"priority": "urgent"}, "/priority"),
        (NOTIFICATION | {"surprise": 1}, "/surprise"),
        (NOTIFICATION | {"recipient": {"email": "a@example.org"}}, "/recipient"),
        (NOTIFICATION | {"expires_at": "2001-01-01T00:00:00Z"}, "/expires_at"),
        (NOTIFICATION | {"idempotency_key": ""}, "/idempotency_key"),
        (NOTIFICATION | {"idempotency_key": "x" * 256}, "/idempotency_key"),
        (NOTIFICATION | {"idempotency_key": "naïve"}, "/idempotency_key"),
        (7, ""),
        (None, ""),
        ([], ""),
    ],
)
def test_an_item_is_refused_for_itself_with_pointers_that_begin_at_it(
    client: GatewayClient, item: Json, pointer: str
) -> None:
    told = the_answer_to(client, item)
    assert told["status"] == 422
    assert {flaw["pointer"] for flaw in told["problem"]["errors"]} == {pointer}


def test_an_item_of_300_kib_is_413_for_itself(client: GatewayClient) -> None:
    told = the_answer_to(client, NOTIFICATION | {"metadata": {"x": "x" * 300 * 1024}})
    assert (told["status"], told["problem"]["code"]) == (413, "body_too_large")


def test_without_a_database_a_batch_with_one_good_item_is_503(client: GatewayClient) -> None:
    answer = client.call(BATCH, {"items": [{"template_code": "welcome"}, NOTIFICATION]})
    assert_problem(answer, 503)
    assert answer.headers["retry-after"]


@pytest.mark.parametrize("route", [LIST, f"{LIST}/{SOMEBODY}", f"POST /v1/notifications/{SOMEBODY}/cancel"])
def test_without_a_database_the_others_are_503(client: GatewayClient, route: str) -> None:
    assert_problem(client.call(route), 503)
