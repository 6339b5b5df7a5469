"""Bad input on every route: the status that the interface promises, a problem document, and nothing reached.

No server listens in these tests: what got past the checks answers 503.
"""

import json

import pytest
from chalice.app import Chalice
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.principal import Scope
from tests.gateway_client import GatewayClient
from tests.requests_of_a_backend import (
    BODIES,
    DEVICE,
    DEVICES,
    EMAIL,
    NOTIFICATION,
    OPEN,
    SCOPES,
    SOMEBODY,
    TEMPLATE,
    USER,
    assert_problem,
    with_scopes,
)


@pytest.mark.parametrize("route", [*SCOPES, *OPEN])
def test_good_input_gets_as_far_as_the_missing_database(client: GatewayClient, route: str) -> None:
    answer = client.call(route, BODIES.get(route))
    assert_problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("route", SCOPES)
def test_every_route_but_the_open_ones_needs_a_token(app: Chalice, route: str) -> None:
    assert_problem(GatewayClient(app).call(route, BODIES.get(route)), 401)
    assert_problem(GatewayClient(app, token="e30.e30.e30").call(route, BODIES.get(route)), 401)


@pytest.mark.parametrize("route", SCOPES)
def test_every_route_needs_its_own_scope_and_no_other_will_do(app: Chalice, route: str) -> None:
    others = set(Scope) - {SCOPES[route], Scope.ADMIN}
    assert_problem(with_scopes(app, *others).call(route, BODIES.get(route)), 403)
    assert_problem(with_scopes(app, SCOPES[route]).call(route, BODIES.get(route)), 503)


@pytest.mark.parametrize("route", BODIES)
@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"not json", b'{"a": NaN}', b'{"a": 1, "a": 1}'])
def test_what_is_not_json_is_400_on_every_route_with_a_body(client: GatewayClient, route: str, content: bytes) -> None:
    assert_problem(client.call(route, content=content), 400)


@pytest.mark.parametrize("route", BODIES)
@pytest.mark.parametrize("body", [[], "x", 7, None], ids=repr)
def test_json_of_another_shape_is_422_on_every_route_with_a_body(
    client: GatewayClient, route: str, body: object
) -> None:
    assert_problem(client.call(route, content=json.dumps(body).encode()), 422)


@pytest.mark.parametrize("route", [route for route in BODIES if not route.startswith("PATCH ")])
def test_an_empty_object_is_422_but_for_a_patch_which_it_makes_change_nothing(
    client: GatewayClient, route: str
) -> None:
    assert_problem(client.call(route, {}), 422)


@pytest.mark.parametrize("route", BODIES)
def test_an_unknown_field_is_422_on_every_route_with_a_body(client: GatewayClient, route: str) -> None:
    answer = client.call(route, {**BODIES[route], "colour": "red"})
    assert_problem(answer, 422)
    assert answer.pointers == {"/colour"}


@pytest.mark.parametrize("route", [*SCOPES, *OPEN, "GET /health", "GET /health/ready"])
def test_an_unknown_query_parameter_is_422_on_every_route(client: GatewayClient, route: str) -> None:
    answer = client.call(f"{route}?colour=red", BODIES.get(route))
    assert_problem(answer, 422)
    assert answer.pointers == {"colour"}


@pytest.mark.parametrize("route", BODIES)
def test_a_body_in_another_media_type_is_415(client: GatewayClient, route: str) -> None:
    assert_problem(client.call(route, BODIES[route], headers={"Content-Type": "text/plain"}), 415)


LARGE = {"POST /v1/templates", "POST /v1/templates/welcome/versions", "POST /v1/notifications/batch"}


@pytest.mark.parametrize("route", [route for route in BODIES if route not in LARGE])
def test_a_body_of_300_kib_is_413(client: GatewayClient, route: str) -> None:
    assert_problem(client.call(route, {**BODIES[route], "name": "x" * 300 * 1024}), 413)


def test_a_batch_of_more_than_5_mib_is_413(client: GatewayClient) -> None:
    large = NOTIFICATION | {"metadata": {"x": "x" * 200 * 1024}}
    assert_problem(client.call("POST /v1/notifications/batch", {"items": [large] * 27}), 413)


def test_a_template_of_300_kib_is_told_which_source_is_too_large(client: GatewayClient) -> None:
    large = {**TEMPLATE, "contents": [EMAIL | {"html": "x" * 300 * 1024}]}
    answer = client.call("POST /v1/templates", large)
    assert_problem(answer, 422)
    assert answer.pointers == {"/contents/0/html"}
    assert_problem(client.call("POST /v1/templates", {**TEMPLATE, "name": "x" * 2 * 1024 * 1024}), 413)


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "x\udfff"], ids=ascii)
@pytest.mark.parametrize(
    ("route", "field"),
    [
        ("POST /v1/auth/token", "client_id"),
        ("POST /v1/auth/login", "password"),
        ("POST /v1/auth/refresh", "refresh_token"),
        ("POST /v1/clients", "name"),
        ("POST /v1/users", "name"),
        (f"POST {DEVICES}", "token"),
        ("POST /v1/templates", "name"),
        ("POST /v1/notifications", "template_code"),
    ],
)
def test_text_that_cannot_be_stored_is_422(client: GatewayClient, route: str, field: str, text: str) -> None:
    answer = client.call(route, {**BODIES[route], field: text})
    assert_problem(answer, 422)
    assert answer.pointers == {f"/{field}"}


@pytest.mark.parametrize(
    "route",
    [
        "GET /v1/users/me/devices",
        "POST /v1/users/7/devices",
        f"DELETE {DEVICES}/7",
        f"DELETE /v1/users/7/devices/{SOMEBODY}",
        "GET /v1/notifications/7",
        "GET /v1/notifications/%00",
        "POST /v1/templates/Welcome/versions/1/publish",
        "POST /v1/templates/%00/versions/1/publish",
        "POST /v1/templates/welcome/versions/0/publish",
        "POST /v1/templates/welcome/versions/-1/publish",
        "POST /v1/templates/welcome/versions/one/publish",
        "POST /v1/templates/welcome/versions/99999999999/publish",
        "GET /v1/clients/%00",
        "DELETE /v1/clients/a%20b",
        f"POST /v1/clients/{'x' * 129}/rotate",
    ],
)
def test_a_malformed_key_in_the_path_is_404(client: GatewayClient, route: str) -> None:
    assert_problem(client.call(route, DEVICE if route.endswith("devices") and route.startswith("POST") else None), 404)


@pytest.mark.parametrize(
    "route", ["GET /v1/auth/login", "DELETE /v1/auth/logout", "PUT /v1/notifications/batch", "GET /v1/auth/token"]
)
def test_a_known_path_with_another_method_is_405(client: GatewayClient, route: str) -> None:
    answer = client.call(route)
    assert_problem(answer, 405)
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "route", ["GET /", "GET /v2/users", "POST /v1/customers", "GET /v1/users/x/y/z", "PATCH /docks"]
)
def test_an_unknown_path_is_404(client: GatewayClient, route: str) -> None:
    assert_problem(client.call(route), 404)


@given(st.dictionaries(st.sampled_from(sorted({*USER, *DEVICE, *TEMPLATE, *NOTIFICATION})), st.integers() | st.text()))
def test_no_body_is_a_fault(app: Chalice, body: dict[str, object]) -> None:
    client = with_scopes(app, Scope.ADMIN)
    for route in BODIES:
        assert client.call(route, body).status in {422, 503}
