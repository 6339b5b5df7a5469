"""Bad input on every route: the status that the interface promises, a problem document, and nothing reached.

No server listens in these tests: what got past the checks would answer 503.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from chalice.app import Chalice
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import wiring
from chalicelib.domain.principal import Principal, Scope
from chalicelib.handlers.routes import register_routes
from tests.configured import environment, forget_wiring
from tests.gateway_client import Answered, GatewayClient

SOMEBODY = "0192d3f0-0000-7000-8000-000000000001"
DEVICES = f"/v1/users/{SOMEBODY}/devices"
SCOPES = {
    "POST /v1/users": Scope.USERS_WRITE,
    f"GET {DEVICES}": Scope.USERS_READ,
    f"POST {DEVICES}": Scope.USERS_WRITE,
    f"DELETE {DEVICES}/{SOMEBODY}": Scope.USERS_WRITE,
    "POST /v1/templates": Scope.TEMPLATES_WRITE,
    "POST /v1/templates/welcome/versions/1/publish": Scope.TEMPLATES_WRITE,
    "POST /v1/notifications": Scope.NOTIFICATIONS_SEND,
    f"GET /v1/notifications/{SOMEBODY}": Scope.NOTIFICATIONS_READ,
}
USER = {"email": "ada@example.com", "name": "Ada"}
DEVICE = {"token": "phone", "platform": "ios"}
EMAIL = {"channel": "email", "locale": "en", "subject": "Hello", "html": "<p>Hello</p>"}
PUSH = {"channel": "push", "locale": "en", "title": "Hi", "body": "There"}
TEMPLATE = {"code": "welcome", "name": "Welcome", "default_locale": "en", "contents": [EMAIL, PUSH]}
NOTIFICATION = {"template_code": "welcome", "user_id": SOMEBODY}
CREDENTIALS = {"client_id": "billing", "client_secret": "secret"}
BODIES = {
    "POST /v1/auth/token": CREDENTIALS,
    "POST /v1/users": USER,
    f"POST {DEVICES}": DEVICE,
    "POST /v1/templates": TEMPLATE,
    "POST /v1/notifications": NOTIFICATION,
}


def in_(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


@pytest.fixture(scope="module")
def app() -> Iterator[Chalice]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment().items():
            patch.setenv(name, value)
        forget_wiring()
        app = Chalice("carillon", configure_logs=False)
        register_routes(app)
        yield app
    forget_wiring()


def with_scopes(app: Chalice, *scopes: Scope) -> GatewayClient:
    principal = Principal(client_id="billing", scopes=frozenset(scopes))
    return GatewayClient(app, token=wiring.access_tokens().issue(principal, at=datetime.now(UTC)))


@pytest.fixture(scope="module")
def client(app: Chalice) -> GatewayClient:
    return with_scopes(app, Scope.ADMIN)


def assert_problem(answer: Answered, status: int) -> None:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "code", "correlation_id"} <= answer.json.keys()


@pytest.mark.parametrize("route", [*SCOPES, "POST /v1/auth/token"])
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
@pytest.mark.parametrize("body", [[], "x", 7, None, {}], ids=repr)
def test_json_of_another_shape_is_422_on_every_route_with_a_body(
    client: GatewayClient, route: str, body: object
) -> None:
    assert_problem(client.call(route, content=json.dumps(body).encode()), 422)


@pytest.mark.parametrize("route", BODIES)
def test_an_unknown_field_is_422_on_every_route_with_a_body(client: GatewayClient, route: str) -> None:
    answer = client.call(route, {**BODIES[route], "colour": "red"})
    assert_problem(answer, 422)
    assert answer.pointers == {"/colour"}


@pytest.mark.parametrize("route", [*SCOPES, "POST /v1/auth/token", "GET /health", "GET /health/ready"])
def test_an_unknown_query_parameter_is_422_on_every_route(client: GatewayClient, route: str) -> None:
    answer = client.call(f"{route}?colour=red", BODIES.get(route))
    assert_problem(answer, 422)
    assert answer.pointers == {"colour"}


@pytest.mark.parametrize("route", BODIES)
def test_a_body_in_another_media_type_is_415(client: GatewayClient, route: str) -> None:
    assert_problem(client.call(route, BODIES[route], headers={"Content-Type": "text/plain"}), 415)


@pytest.mark.parametrize("route", [route for route in BODIES if route != "POST /v1/templates"])
def test_a_body_of_300_kib_is_413(client: GatewayClient, route: str) -> None:
    assert_problem(client.call(route, {**BODIES[route], "name": "x" * 300 * 1024}), 413)


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
    ],
)
def test_a_malformed_key_in_the_path_is_404(client: GatewayClient, route: str) -> None:
    assert_problem(client.call(route, DEVICE if route.endswith("devices") and route.startswith("POST") else None), 404)


@pytest.mark.parametrize("route", ["GET /v1/users", "GET /v1/templates", "PUT /v1/notifications", "GET /v1/auth/token"])
def test_a_known_path_with_another_method_is_405(client: GatewayClient, route: str) -> None:
    answer = client.call(route)
    assert_problem(answer, 405)
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("route", ["GET /", "GET /v2/users", "POST /v1/clients", "GET /v1/users/x/y/z", "PATCH /docs"])
def test_an_unknown_path_is_404(client: GatewayClient, route: str) -> None:
    assert_problem(client.call(route), 404)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"email": "ada"}, "/email"),
        ({"email": "ada@"}, "/email"),
        ({"email": "ada@localhost"}, "/email"),
        ({"email": "ada@example.com, eve@example.com"}, "/email"),
        ({"email": "ada@exa mple.com"}, "/email"),
        ({"email": "Ada <ada@example.com>"}, "/email"),
        ({"email": "ada@example.com\r\nBcc: eve@example.com"}, "/email"),
        ({"email": "a" * 65 + "@example.com"}, "/email"),
        ({"email": "ådå@example.com"}, "/email"),
        ({"email": 7}, "/email"),
        ({"email": None}, "/email"),
        ({"name": ""}, "/name"),
        ({"name": "  "}, "/name"),
        ({"name": "Ada\r\nBcc: eve@example.com"}, "/name"),
        ({"name": "Ada\u2028"}, "/name"),
        ({"name": "x" * 201}, "/name"),
        ({"password": "short"}, "/password"),
        ({"password": "é" * 37}, "/password"),
        ({"locale": "english"}, "/locale"),
        ({"locale": "fr_CA"}, "/locale"),
        ({"locale": ""}, "/locale"),
        ({"locale": "fr-CA\n"}, "/locale"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"timezone": "../../etc/passwd"}, "/timezone"),
        ({"timezone": "europe/paris"}, "/timezone"),
        ({"timezone": "+02:00"}, "/timezone"),
        ({"external_id": ""}, "/external_id"),
        ({"external_id": "x" * 256}, "/external_id"),
        ({"is_admin": True}, "/is_admin"),
    ],
    ids=str,
)
def test_a_person_who_cannot_be(client: GatewayClient, change: dict[str, object], pointer: str) -> None:
    answer = client.call("POST /v1/users", USER | change)
    assert_problem(answer, 422)
    assert answer.pointers == {pointer}


@pytest.mark.parametrize(
    "change",
    [
        {"email": "defer-twice-ada@mail.test"},
        {"email": "Ada.O'Hara+news@Example.COM"},
        {"email": "ada@bücher.example"},
        {"name": "Zoë 👩‍👩‍👧 O'Brien\u00a0Jr."},
        {"locale": "zh-hant-tw"},
        {"timezone": "America/Argentina/Buenos_Aires"},
        {"password": "é" * 36},
        {"locale": None, "timezone": None, "password": None, "external_id": None},
    ],
    ids=ascii,
)
def test_a_person_who_can_be(client: GatewayClient, change: dict[str, object]) -> None:
    assert client.call("POST /v1/users", USER | change).status == 503


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"token": ""}, "/token"),
        ({"token": "x" * 4097}, "/token"),
        ({"token": "with space"}, "/token"),
        ({"token": "tok\u00e9n"}, "/token"),
        ({"token": "line\nbreak"}, "/token"),
        ({"token": "line\n"}, "/token"),
        ({"platform": "symbian"}, "/platform"),
        ({"platform": "IOS"}, "/platform"),
        ({"platform": None}, "/platform"),
    ],
    ids=str,
)
def test_a_device_that_cannot_be(client: GatewayClient, change: dict[str, object], pointer: str) -> None:
    answer = client.call(f"POST {DEVICES}", DEVICE | change)
    assert_problem(answer, 422)
    assert answer.pointers == {pointer}


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=1&limit=2", "cursor=%21", "cursor=AAAA"])
def test_a_page_that_cannot_be(client: GatewayClient, query: str) -> None:
    answer = client.call(f"GET {DEVICES}?{query}")
    assert_problem(answer, 422)
    assert answer.pointers == {query.partition("=")[0]}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"code": "Welcome"}, "/code"),
        ({"code": "-x"}, "/code"),
        ({"code": "x" * 65}, "/code"),
        ({"code": "x\n"}, "/code"),
        ({"name": ""}, "/name"),
        ({"category": "Marketing!"}, "/category"),
        ({"default_locale": "fr"}, "/default_locale"),
        ({"default_locale": "english"}, "/default_locale"),
        ({"contents": []}, "/contents"),
        ({"contents": [EMAIL, EMAIL]}, "/contents/1/locale"),
        ({"contents": [EMAIL, EMAIL | {"locale": "EN"}]}, "/contents/1/locale"),
        ({"contents": [{"channel": "sms"}]}, "/contents/0"),
        ({"contents": [{"locale": "en"}]}, "/contents/0"),
        ({"contents": [EMAIL | {"html": ""}]}, "/contents/0/html"),
        ({"contents": [EMAIL | {"html": "{{ name"}]}, "/contents/0/html"),
        ({"contents": [EMAIL | {"html": "{{ name.__class__ }}"}]}, "/contents/0/html"),
        ({"contents": [EMAIL | {"subject": "two\nlines"}]}, "/contents/0/subject"),
        ({"contents": [EMAIL | {"title": "x"}]}, "/contents/0/title"),
        ({"contents": [PUSH | {"data": {"a": 1}}]}, "/contents/0/data/a"),
        ({"contents": [PUSH | {"body": "{% if %}"}]}, "/contents/0/body"),
    ],
    ids=str,
)
def test_a_template_that_cannot_be(client: GatewayClient, change: dict[str, object], pointer: str) -> None:
    answer = client.call("POST /v1/templates", TEMPLATE | change)
    assert_problem(answer, 422)
    assert answer.pointers == {pointer}


def tokens(count: int) -> list[dict[str, str]]:
    return [{"token": f"phone-{number}", "platform": "ios"} for number in range(count)]


NAMED = {"template_code": "welcome"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (NAMED, ""),
        (NOTIFICATION | {"recipient": {}}, "/recipient"),
        (NAMED | {"user_id": None, "recipient": None}, ""),
        (NOTIFICATION | {"user_id": "7"}, "/user_id"),
        (NOTIFICATION | {"user_id": 7}, "/user_id"),
        (NOTIFICATION | {"template_code": "Welcome!"}, "/template_code"),
        (NAMED | {"recipient": {"email": "ada"}}, "/recipient/email"),
        (NAMED | {"recipient": {"phone": "+1"}}, "/recipient/phone"),
        (NAMED | {"recipient": {"name": "Ada\nEve"}}, "/recipient/name"),
        (NAMED | {"recipient": {"device_tokens": tokens(101)}}, "/recipient/device_tokens"),
        (NAMED | {"recipient": {"device_tokens": tokens(2) + tokens(1)}}, "/recipient/device_tokens/2/token"),
        (NAMED | {"recipient": {"device_tokens": [{"token": "x"}]}}, "/recipient/device_tokens/0/platform"),
        (NAMED | {"recipient": {"device_tokens": ["x"]}}, "/recipient/device_tokens/0"),
        (NOTIFICATION | {"channels": []}, "/channels"),
        (NOTIFICATION | {"channels": ["sms"]}, "/channels/0"),
        (NOTIFICATION | {"channels": ["email", "push", "email"]}, "/channels/2"),
        (NOTIFICATION | {"variables": []}, "/variables"),
        (NOTIFICATION | {"metadata": "x"}, "/metadata"),
        (NOTIFICATION | {"locale": "english"}, "/locale"),
        (NOTIFICATION | {"category": "No Spaces"}, "/category"),
        (NOTIFICATION | {"category": "x" * 65}, "/category"),
        (NOTIFICATION | {"priority": "urgent"}, "/priority"),
        (NOTIFICATION | {"priority": None}, "/priority"),
        (NOTIFICATION | {"send_at": "2026-11-22T12:00:00"}, "/send_at"),
        (NOTIFICATION | {"send_at": "2026-11-22"}, "/send_at"),
        (NOTIFICATION | {"send_at": "tomorrow"}, "/send_at"),
        (NOTIFICATION | {"send_at": 1_800_000_000}, "/send_at"),
        (NOTIFICATION | {"send_at": in_(days=367)}, "/send_at"),
        (NOTIFICATION | {"send_at": "0001-01-01T00:00:00+14:00"}, "/send_at"),
        (NOTIFICATION | {"expires_at": "9999-12-31T23:59:59-14:00"}, "/expires_at"),
        (NOTIFICATION | {"expires_at": in_(seconds=-1)}, "/expires_at"),
        (NOTIFICATION | {"expires_at": "2026-11-22T12:00:00"}, "/expires_at"),
        (NOTIFICATION | {"send_at": in_(hours=2), "expires_at": in_(hours=1)}, "/expires_at"),
    ],
    ids=lambda value: str(value)[:90],
)
def test_a_notification_that_cannot_be(client: GatewayClient, body: dict[str, object], pointer: str) -> None:
    answer = client.call("POST /v1/notifications", body)
    assert_problem(answer, 422)
    assert answer.pointers == {pointer}


@pytest.mark.parametrize(
    "body",
    [
        NAMED | {"recipient": {}},
        NAMED
        | {"recipient": {"email": "ada@example.com", "device_tokens": tokens(100), "locale": "fr-ca", "name": "A"}},
        NOTIFICATION | {"channels": ["push", "email"], "priority": "low", "category": "a.b-c_9", "locale": "pt-BR"},
        NOTIFICATION | {"variables": {"a": [1, {"b": None}], "": "x"}, "metadata": {"order": {"id": 7}}},
        NOTIFICATION | {"send_at": in_(days=-400), "expires_at": in_(hours=1)},
        NOTIFICATION | {"send_at": in_(days=364), "expires_at": "9999-12-31T00:00:00Z"},
        NOTIFICATION | {"send_at": None, "expires_at": None, "channels": None, "locale": None, "category": None},
    ],
    ids=lambda value: str(value)[:90],
)
def test_a_notification_that_can_be(client: GatewayClient, body: dict[str, object]) -> None:
    assert client.call("POST /v1/notifications", body).status == 503


@pytest.mark.parametrize("key", ["x" * 256, "caf\u00e9", "a\tb"])
def test_an_idempotency_key_that_cannot_be(client: GatewayClient, key: str) -> None:
    answer = client.call("POST /v1/notifications", NOTIFICATION, headers={"Idempotency-Key": key})
    assert_problem(answer, 422)
    assert answer.pointers == {"Idempotency-Key"}


def test_an_idempotency_key_of_255_can_be(client: GatewayClient) -> None:
    answer = client.call("POST /v1/notifications", NOTIFICATION, headers={"Idempotency-Key": "x" * 255})
    assert answer.status == 503


@given(st.dictionaries(st.sampled_from(sorted({*USER, *DEVICE, *TEMPLATE, *NOTIFICATION})), st.integers() | st.text()))
def test_no_body_is_a_fault(app: Chalice, body: dict[str, object]) -> None:
    client = with_scopes(app, Scope.ADMIN)
    for route in BODIES:
        assert client.call(route, body).status in {422, 503}
