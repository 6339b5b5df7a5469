"""Every route of the route table, given what its contract does not allow: a new route is tried without being named."""

import json
import re

import pytest
from pydantic import ValidationError
from pydantic.fields import FieldInfo

import app
from chalicelib.handlers.access import SESSION
from chalicelib.handlers.contract import AnyContract, contract_of
from chalicelib.handlers.openapi.document import build_document
from chalicelib.handlers.request import NoBody, OptionalBody
from chalicelib.handlers.routes import load_routes
from tests.e2e.api import Client, Json
from tests.e2e.bad_input.routes import World, send
from tests.e2e.problems import pointers, problem

load_routes(app.app)
CONTRACTS = {
    contract.route: contract
    for methods in app.app.routes.values()
    for entry in methods.values()
    if (contract := contract_of(entry.view_function)) is not None and contract.access != SESSION
}
"""Those that an API client may call: what a person's own session is for is tried where sessions are."""
OPERATIONS: Json = build_document(app.app)["paths"]
WITH_BODY = [route for route, contract in CONTRACTS.items() if contract.body is not NoBody]
WITH_SEGMENTS = [(route, name) for route in CONTRACTS for name in re.findall(r"{(\w+)}", route)]
WITH_FILTERS = [(route, name) for route, contract in CONTRACTS.items() for name in contract.query.model_fields]
CONDITIONAL = [route for route, contract in CONTRACTS.items() if "If-Match" in contract.request_headers]
WITH_KEY = [route for route, contract in CONTRACTS.items() if "Idempotency-Key" in contract.request_headers]
NO_JSON = (b"", b"{", b"'", b"\xff\xfe", b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"a": 1e999}', b"[" * 50_000)
NO_OBJECT = (b"[]", b"null", b'"text"', b"1", b"[" * 40 + b"]" * 40, b'{"a":' * 40 + b"1" + b"}" * 40)
NO_SEGMENT = ("%20", "%00", "%FF", "..%2F..", "%7Bid%7D", "a" * 2000, "*", "-1", "1.5", "0x1", "%F0%9F%98%80")
NO_VALUE = ("", "\x01", "x y", "-1", "1.5", "1e999", "é", "null", "9" * 30, "2026-01-01", "x" * 2000)
NO_TAG = ('"999999"', 'W/"1"', "1", "garbage", '""', '"1', "é")


def good_body(route: str) -> Json:
    """The body that the interface document shows as an example, or none."""
    method, path = route.split(" ", 1)
    described = OPERATIONS[path][method.lower()].get("requestBody")
    return None if described is None else described["content"]["application/json"]["example"]


def alias_of(name: str, field: FieldInfo) -> str:
    return field.alias or name


def is_refused(contract: AnyContract, parameter: str, value: str) -> bool:
    try:
        contract.query.model_validate_strings({parameter: value})
    except ValidationError:
        return True
    return False


@pytest.mark.parametrize("route", CONTRACTS)
def test_an_unknown_query_parameter_is_422_and_named(route: str, client: Client, world: World) -> None:
    for query in ("surprise=1", "surprise", "%00=1"):
        found = problem(send(client, world, f"{route}?{query}", body=good_body(route)), 422, "invalid_request")
        assert len(pointers(found)) == 1


@pytest.mark.parametrize(("route", "name"), WITH_FILTERS)
def test_a_filter_that_means_nothing_is_422_and_named(route: str, name: str, client: Client, world: World) -> None:
    contract = CONTRACTS[route]
    parameter = alias_of(name, contract.query.model_fields[name])
    assert pointers(problem(send(client, world, f"{route}?{parameter}=1&{parameter}=1"), 422)) == {parameter}
    for value in (value for value in NO_VALUE if is_refused(contract, parameter, value)):
        encoded = "".join(f"%{byte:02X}" for byte in value.encode())
        found = problem(send(client, world, f"{route}?{parameter}={encoded}"), 422, "invalid_request")
        assert pointers(found) == {parameter}, value


@pytest.mark.parametrize("route", [route for route, name in WITH_FILTERS if name == "cursor"])
def test_a_cursor_of_no_list_is_422_and_named(route: str, client: Client, world: World) -> None:
    for cursor in ("x", "AAAA", "A" * 32, "A" * 33, "A" * 64, "A" * 65, "%3D", "%00", "_" * 32):
        found = problem(send(client, world, f"{route}?cursor={cursor}"), 422, "invalid_request")
        assert pointers(found) == {"cursor"}, cursor


@pytest.mark.parametrize("route", WITH_BODY)
def test_a_body_that_is_no_json_is_400(route: str, client: Client, world: World) -> None:
    may_be_empty = issubclass(CONTRACTS[route].body, OptionalBody)
    for content in (content for content in NO_JSON if content or not may_be_empty):
        headers = {"Content-Type": "application/json"}
        problem(send(client, world, route, content=content, headers=headers), 400, "malformed_json")


@pytest.mark.parametrize("route", WITH_BODY)
def test_json_that_is_no_object_or_too_deep_is_422(route: str, client: Client, world: World) -> None:
    for content in NO_OBJECT:
        problem(send(client, world, route, content=content), 422, "invalid_request")


@pytest.mark.parametrize("route", WITH_BODY)
def test_a_body_of_another_media_type_is_415(route: str, client: Client, world: World) -> None:
    content = json.dumps(good_body(route)).encode()
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", None):
        headers = {"Content-Type": media_type}
        problem(send(client, world, route, content=content, headers=headers), 415, "unsupported_media_type")


@pytest.mark.parametrize("route", WITH_BODY)
def test_a_body_above_the_routes_limit_is_413(route: str, client: Client, world: World) -> None:
    content = json.dumps(good_body(route)).encode()
    padded = content + b" " * (CONTRACTS[route].max_body_bytes + 1 - len(content))
    problem(send(client, world, route, content=padded), 413, "body_too_large")


@pytest.mark.parametrize("route", WITH_BODY)
def test_an_unknown_field_is_422_and_named(route: str, client: Client, world: World) -> None:
    answer = send(client, world, route, body={**good_body(route), "sur/pri~se": 1})
    assert "/sur~1pri~0se" in pointers(problem(answer, 422, "invalid_request"))


@pytest.mark.parametrize("route", WITH_BODY)
def test_a_field_of_a_wrong_type_is_422_and_named(route: str, client: Client, world: World) -> None:
    good = good_body(route)
    for name, field in CONTRACTS[route].body.model_fields.items():
        written = alias_of(name, field)
        body = {**good, written: -7.5}  # which no field takes
        found = pointers(problem(send(client, world, route, body=body), 422, "invalid_request"))
        assert any(pointer.startswith(f"/{written}") for pointer in found), (name, found)


@pytest.mark.parametrize("route", WITH_BODY)
def test_a_string_that_is_no_text_is_422_and_named(route: str, client: Client, world: World) -> None:
    for character in ("\\u0000", "\\ud800", "\\udfff"):
        content = f'{{"name": "a{character}b"}}'.encode()
        assert pointers(problem(send(client, world, route, content=content), 422, "invalid_request")) == {"/name"}


@pytest.mark.parametrize(("route", "name"), WITH_SEGMENTS)
def test_a_segment_that_names_nothing_is_404(route: str, name: str, client: Client, world: World) -> None:
    for segment in NO_SEGMENT:
        broken = route.replace(f"{{{name}}}", segment.replace("{", "{{"))
        problem(send(client, world, broken, body=good_body(route)), 404)


@pytest.mark.parametrize("route", CONDITIONAL)
def test_a_condition_that_no_revision_meets_is_412(route: str, client: Client, world: World) -> None:
    for tag in NO_TAG:
        problem(
            send(client, world, route, body=good_body(route), headers={"If-Match": tag}), 412, "precondition_failed"
        )


@pytest.mark.parametrize("route", WITH_KEY)
def test_an_idempotency_key_above_255_characters_is_422(route: str, client: Client, world: World) -> None:
    headers = {"Idempotency-Key": "k" * 256}
    problem(send(client, world, route, body=good_body(route), headers=headers), 422, "invalid_request")


@pytest.mark.parametrize("route", CONTRACTS)
def test_another_method_is_405_and_told_which_there_are(route: str, client: Client, world: World) -> None:
    path = route.partition(" ")[2]
    known = {each.partition(" ")[0] for each in CONTRACTS if each.partition(" ")[2] == path}
    for method in {"DELETE", "GET", "PATCH", "POST", "PUT"} - known:
        answer = send(client, world, f"{method} {path}", headers={"Authorization": None})
        problem(answer, 405, "method_not_allowed")
        assert set(answer.headers["Allow"].split(", ")) == known | ({"HEAD"} if "GET" in known else set())
