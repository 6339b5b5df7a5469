"""The rules of the template routes, field by field. No server listens in these tests: what is taken answers 503."""

import pytest

from tests.gateway_client import GatewayClient
from tests.requests_of_a_backend import EMAIL, PUSH, TEMPLATE, assert_problem

VERSIONS = "POST /v1/templates/welcome/versions"
PREVIEW = "POST /v1/templates/welcome/preview"
CHANGE = "PATCH /v1/templates/welcome"


@pytest.mark.parametrize(
    ("route", "body", "pointer"),
    [
        (VERSIONS, {}, "/contents"),
        (VERSIONS, {"contents": []}, "/contents"),
        (VERSIONS, {"contents": [EMAIL] * 201}, "/contents"),
        (VERSIONS, {"contents": [EMAIL | {"html": ""}]}, "/contents/0/html"),
        (VERSIONS, {"contents": [PUSH | {"data": {"": "x"}}]}, "/contents/0/data"),
        (VERSIONS, {"contents": [EMAIL], "code": "other"}, "/code"),
        (CHANGE, {"name": None}, "/name"),
        (CHANGE, {"name": ""}, "/name"),
        (CHANGE, {"default_locale": None}, "/default_locale"),
        (CHANGE, {"default_locale": "english"}, "/default_locale"),
        (CHANGE, {"category": "No Spaces"}, "/category"),
        (CHANGE, {"code": "other"}, "/code"),
        (CHANGE, {"kind": "partial"}, "/kind"),
        (PREVIEW, {}, "/channel"),
        (PREVIEW, {"channel": "fax"}, "/channel"),
        (PREVIEW, {"channel": "email", "version": 0}, "/version"),
        (PREVIEW, {"channel": "email", "version": "1"}, "/version"),
        (PREVIEW, {"channel": "email", "version": 2**40}, "/version"),
        (PREVIEW, {"channel": "email", "locale": "fr_CA"}, "/locale"),
        (PREVIEW, {"channel": "email", "variables": []}, "/variables"),
        ("POST /v1/templates", TEMPLATE | {"kind": "layout"}, "/kind"),
    ],
    ids=lambda value: str(value)[:80],
)
def test_what_cannot_be_is_refused_where_it_is_wrong(
    route: str, body: dict[str, object], pointer: str, client: GatewayClient
) -> None:
    answer = client.call(route, body)
    assert_problem(answer, 422)
    assert all(found.startswith(pointer) for found in answer.pointers), answer.pointers
    assert answer.pointers


@pytest.mark.parametrize(
    ("route", "body"),
    [
        (VERSIONS, {"contents": [EMAIL, PUSH]}),
        (CHANGE, {"category": None}),
        (CHANGE, {}),
        (PREVIEW, {"channel": "push", "variables": {"a": [1, {"b": None}]}, "locale": "fr-ca", "version": 3}),
        (
            "POST /v1/templates",
            TEMPLATE | {"kind": "partial", "contents": [{"channel": "email", "locale": "en", "html": "x"}]},
        ),
    ],
    ids=lambda value: str(value)[:80],
)
def test_what_can_be_is_taken(route: str, body: dict[str, object], client: GatewayClient) -> None:
    assert client.call(route, body).status == 503


def test_a_change_may_be_declared_as_a_merge_patch(client: GatewayClient) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    assert client.call(CHANGE, {"name": "Hello"}, headers=headers).status == 503


@pytest.mark.parametrize(
    "route",
    [
        *("GET /v1/templates/Welcome", "DELETE /v1/templates/-x", "GET /v1/templates/welcome/versions/0"),
        *("GET /v1/templates/welcome/versions/one", "GET /v1/templates/We/missing-translations"),
    ],
)
def test_a_malformed_key_names_nothing(route: str, client: GatewayClient) -> None:
    assert_problem(client.call(route), 404)


@pytest.mark.parametrize("path", ["/v1/templates", "/v1/templates/welcome/versions"])
@pytest.mark.parametrize("query", ["limit=0", "limit=201", "cursor=AAAA", "status=draft"])
def test_a_page_that_cannot_be(path: str, query: str, client: GatewayClient) -> None:
    answer = client.call(f"GET {path}?{query}")
    assert_problem(answer, 422)
    assert answer.pointers == {query.partition("=")[0]}
