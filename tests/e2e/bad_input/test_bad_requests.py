"""What every route refuses alike: with the answer that the interface document names, and nothing stored."""

import json

import pytest

from tests.e2e.api import EMAIL, Client, Json, unique
from tests.e2e.bad_input.routes import (
    ALL,
    DEVICES,
    NOTIFICATIONS,
    PUBLISH,
    TEMPLATES,
    TOKEN,
    USERS,
    WITH_BODY,
    World,
    send,
)
from tests.e2e.problems import assert_secure, pointers, problem

WRONG_TYPES: tuple[Json, ...] = (1, True, "text", [1], {"a": 1})


@pytest.mark.parametrize("pattern", [*WITH_BODY, PUBLISH])
@pytest.mark.parametrize(
    "content",
    [b"{", b"{'a': 1}", b'{"a": 1} {}', b"\xff\xfe", b'{"a": 1, "a": 2}', b'{"a": NaN}', b'{"a": 1e999}', b"[" * 9999],
    ids=lambda content: content[:12].decode(errors="replace"),
)
def test_what_is_not_json_is_400(content: bytes, pattern: str, client: Client, world: World) -> None:
    problem(send(client, world, pattern, content=content), 400, "malformed_json")


@pytest.mark.parametrize("pattern", WITH_BODY)
def test_an_empty_body_is_400_where_one_is_needed(pattern: str, client: Client, world: World) -> None:
    answer = send(client, world, pattern, content=b"", headers={"Content-Type": "application/json"})
    problem(answer, 400, "malformed_json")


@pytest.mark.parametrize("pattern", [*WITH_BODY, PUBLISH])
@pytest.mark.parametrize("content", [b"[]", b"null", b'"text"', b"1", b"true"])
def test_json_that_is_no_object_is_422(content: bytes, pattern: str, client: Client, world: World) -> None:
    problem(send(client, world, pattern, content=content), 422, "invalid_request")


@pytest.mark.parametrize("pattern", [*WITH_BODY, PUBLISH])
def test_an_unknown_field_is_422_and_named(pattern: str, client: Client, world: World) -> None:
    body = {**world.good.get(pattern, {}), "sur/pri~se": 1}
    assert pointers(problem(send(client, world, pattern, body=body), 422, "invalid_request")) == {"/sur~1pri~0se"}


@pytest.mark.parametrize("pattern", WITH_BODY)
def test_every_field_of_a_wrong_type_is_422_and_named(pattern: str, client: Client, world: World) -> None:
    good = world.good[pattern]
    for name, value in good.items():
        for wrong in WRONG_TYPES:
            if type(wrong) is type(value):
                continue
            found = problem(send(client, world, pattern, body={**good, name: wrong}), 422, "invalid_request")
            assert all(pointer.startswith(f"/{name}") for pointer in pointers(found)), (name, wrong, found)
            assert pointers(found), (name, wrong, found)


@pytest.mark.parametrize(
    ("pattern", "required"),
    [
        (TOKEN, ["client_id", "client_secret"]),
        (USERS, ["email", "name"]),
        (DEVICES, ["token", "platform"]),
        (TEMPLATES, ["code", "name", "default_locale", "contents"]),
        (NOTIFICATIONS, ["template_code"]),
    ],
)
def test_a_missing_field_is_422_and_named(pattern: str, required: list[str], client: Client, world: World) -> None:
    for name in required:
        body = {each: value for each, value in world.good[pattern].items() if each != name}
        found = problem(send(client, world, pattern, body=body), 422, "invalid_request")
        assert pointers(found) == {f"/{name}"}
        found = problem(send(client, world, pattern, body={**body, name: None}), 422, "invalid_request")
        assert pointers(found) == {f"/{name}"}


@pytest.mark.parametrize("pattern", WITH_BODY)
@pytest.mark.parametrize("character", ["\\u0000", "\\ud800", "\\udfff"])
def test_a_string_that_is_no_text_is_422_and_named(character: str, pattern: str, client: Client, world: World) -> None:
    name = next(iter(world.good[pattern]))
    content = json.dumps({**world.good[pattern], name: "PLACE"}).replace("PLACE", f"a{character}b").encode()
    assert pointers(problem(send(client, world, pattern, content=content), 422, "invalid_request")) == {f"/{name}"}


@pytest.mark.parametrize("pattern", [*WITH_BODY, PUBLISH])
def test_a_body_above_the_limit_is_413(pattern: str, client: Client, world: World) -> None:
    above_bytes = (3 * 1024 if pattern == TEMPLATES else 300) * 1024
    content = json.dumps(world.good.get(pattern, {})).encode() + b" " * above_bytes
    problem(send(client, world, pattern, content=content), 413, "body_too_large")


def test_a_template_with_a_source_above_256_kib_is_422_and_names_it(client: Client, world: World) -> None:
    contents = [{**EMAIL, "html": "x" * 300 * 1024}]
    answer = send(client, world, TEMPLATES, body={**world.good[TEMPLATES], "contents": contents})
    assert pointers(problem(answer, 422, "invalid_template")) == {"/contents/0/html"}


@pytest.mark.parametrize("pattern", WITH_BODY)
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
def test_a_body_that_is_not_declared_as_json_is_415(
    media_type: str, pattern: str, client: Client, world: World
) -> None:
    headers = {"Content-Type": media_type or None}
    content = json.dumps(world.good[pattern]).encode()
    problem(send(client, world, pattern, content=content, headers=headers), 415, "unsupported_media_type")


@pytest.mark.parametrize("pattern", ALL)
@pytest.mark.parametrize("query", ["surprise=1", "surprise", "limit=1&limit=2&surprise=", "%00=1"])
def test_an_unknown_query_parameter_is_422(query: str, pattern: str, client: Client, world: World) -> None:
    problem(send(client, world, f"{pattern}?{query}", body=world.good.get(pattern)), 422, "invalid_request")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=-1", "cursor=x", "cursor=", "limit=1.5"])
def test_paging_outside_its_bounds_is_422(query: str, client: Client, world: World) -> None:
    found = problem(send(client, world, f"GET /v1/users/{{user}}/devices?{query}"), 422, "invalid_request")
    assert pointers(found) == {query.partition("=")[0]}


@pytest.mark.parametrize(
    "pattern",
    [
        *("GET /v1/users/{absent}/devices", "DELETE /v1/users/{user}/devices/{absent}"),
        *("DELETE /v1/users/{absent}/devices/{device}", "GET /v1/notifications/{absent}"),
        *("POST /v1/templates/{draft}/versions/2/publish", "POST /v1/templates/nothing/versions/1/publish"),
    ],
)
def test_what_is_not_there_is_404(pattern: str, client: Client, world: World) -> None:
    problem(send(client, world, pattern), 404)


def test_a_device_for_nobody_is_404(client: Client, world: World) -> None:
    body = {"token": unique("device"), "platform": "ios"}
    problem(send(client, world, "POST /v1/users/{absent}/devices", body=body), 404)


@pytest.mark.parametrize(
    "malformed", ["1", "x", "%20", "%00", "%FF", "..%2F..", "{notification}x", "%7Bid%7D", "a" * 2000, "null", "*"]
)
@pytest.mark.parametrize(
    "pattern",
    [
        *("GET /v1/users/MALFORMED/devices", "POST /v1/users/MALFORMED/devices", "GET /v1/notifications/MALFORMED"),
        *("DELETE /v1/users/{user}/devices/MALFORMED", "DELETE /v1/users/MALFORMED/devices/{device}"),
        *("POST /v1/templates/MALFORMED/versions/1/publish", "POST /v1/templates/{draft}/versions/0MALFORMED/publish"),
    ],
)
def test_a_malformed_id_in_the_path_is_404(malformed: str, pattern: str, client: Client, world: World) -> None:
    body = world.good[DEVICES] if pattern.startswith("POST /v1/users") else None
    problem(send(client, world, pattern.replace("MALFORMED", malformed), body=body), 404)


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/nothing", "/v1/users/{user}/nothing", "/V1/users", "/v1/users/a/b/c"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_an_unknown_path_is_404_with_and_without_a_token(method: str, path: str, client: Client, world: World) -> None:
    problem(send(client, world, f"{method} {path}"), 404, "not_found")
    problem(send(client, world, f"{method} {path}", headers={"Authorization": None}), 404, "not_found")


@pytest.mark.parametrize("pattern", ALL)
def test_a_wrong_method_is_405_and_names_the_right_ones(pattern: str, client: Client, world: World) -> None:
    method, path = pattern.split(" ")
    answer = send(client, world, f"PUT {path}")
    problem(answer, 405, "method_not_allowed")
    assert method in answer.headers["Allow"].split(", ")


@pytest.mark.parametrize("pattern", [each for each in ALL if each not in WITH_BODY])
def test_a_refused_head_has_the_headers_and_no_body(pattern: str, client: Client, world: World) -> None:
    answer = send(client, world, f"HEAD {pattern.split(' ')[1]}?surprise=1")
    assert answer.status_code in {422, 405}
    assert answer.content == b""
    assert_secure(answer)
