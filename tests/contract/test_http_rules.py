"""The rules of each body, field by field: what is refused, and where; what is taken.

No server listens in these tests: what is taken answers 503.
"""

from datetime import UTC, datetime, timedelta

import pytest

from tests.gateway_client import GatewayClient
from tests.requests_of_a_backend import (
    DEVICE,
    DEVICES,
    EMAIL,
    NOTIFICATION,
    PUSH,
    SOMEBODY,
    TEMPLATE,
    USER,
    assert_problem,
)


def in_(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).isoformat()


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
        ({"locale": "xx"}, "/locale"),
        ({"locale": "en-ZQ"}, "/locale"),
        ({"locale": "en-Abcd"}, "/locale"),
        ({"locale": "eng"}, "/locale"),
        ({"locale": "de-nonsense"}, "/locale"),
        ({"is_admin": "true"}, "/is_admin"),
        ({"is_admin": None}, "/is_admin"),
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
        {"locale": "de-ch-1996"},
        {"locale": "es-419"},
        {"timezone": "America/Argentina/Buenos_Aires"},
        {"password": "é" * 36},
        {"external_id": "x" * 255},
        {"locale": None, "timezone": None, "password": None, "external_id": None},
    ],
    ids=ascii,
)
def test_a_person_who_can_be(client: GatewayClient, change: dict[str, object]) -> None:
    assert client.call("POST /v1/users", USER | change).status == 503


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"email": None}, "/email"),
        ({"email": ""}, "/email"),
        ({"name": None}, "/name"),
        ({"name": ""}, "/name"),
        ({"is_admin": None}, "/is_admin"),
        ({"is_admin": 1}, "/is_admin"),
        ({"password": "short"}, "/password"),
        ({"locale": "english"}, "/locale"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"revision": 2}, "/revision"),
        ([], ""),
    ],
    ids=str,
)
def test_a_change_of_a_person_that_cannot_be(client: GatewayClient, patch: object, pointer: str) -> None:
    answer = client.call(f"PATCH /v1/users/{SOMEBODY}", patch)
    assert_problem(answer, 422)
    assert answer.pointers == {pointer}


@pytest.mark.parametrize(
    "patch", [{}, {"locale": None, "timezone": None, "password": None, "external_id": None}], ids=str
)
@pytest.mark.parametrize("media_type", ["application/json", "application/merge-patch+json"])
def test_a_change_of_a_person_that_can_be(client: GatewayClient, patch: object, media_type: str) -> None:
    answer = client.call(f"PATCH /v1/users/{SOMEBODY}", patch, headers={"Content-Type": media_type})
    assert answer.status == 503


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"channels": None}, "/channels"),
        ({"channels": {"sms": True}}, "/channels/sms"),
        ({"channels": {"email": "no"}}, "/channels/email"),
        ({"channels": {"email": None}}, "/channels/email"),
        ({"categories": None}, "/categories"),
        ({"categories": {"Marketing!": {}}}, "/categories/Marketing!"),
        ({"categories": {"x" * 65: {}}}, f"/categories/{'x' * 65}"),
        ({"categories": {"": {}}}, "/categories/"),
        ({"categories": {"marketing": True}}, "/categories/marketing"),
        ({"categories": {"marketing": {"sms": False}}}, "/categories/marketing/sms"),
        ({"categories": {"marketing": {"email": 0}}}, "/categories/marketing/email"),
        ({"categories": {str(number): {} for number in range(201)}}, "/categories"),
        ({"quiet_hours": {}}, "/quiet_hours/start"),
        ({"quiet_hours": {"start": "22:00", "end": "22:00"}}, "/quiet_hours"),
        ({"quiet_hours": {"start": "24:00", "end": "07:00"}}, "/quiet_hours/start"),
        ({"quiet_hours": {"start": "22:00", "end": "7:00"}}, "/quiet_hours/end"),
        ({"quiet_hours": {"start": "22:00", "end": "07:00:00"}}, "/quiet_hours/end"),
        ({"quiet_hours": {"start": "22:00\n", "end": "07:00"}}, "/quiet_hours/start"),
        ({"quiet_hours": {"start": "22:00", "end": "07:00", "timezone": "UTC"}}, "/quiet_hours/timezone"),
        ({"timezone": "UTC"}, "/timezone"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_preferences_that_cannot_be(client: GatewayClient, body: object, pointer: str) -> None:
    answer = client.call(f"PUT /v1/users/{SOMEBODY}/preferences", body)
    assert_problem(answer, 422)
    assert pointer in answer.pointers


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"channels": {}, "categories": {}, "quiet_hours": None},
        {"channels": {"email": False}, "categories": {"a.b-c_9": {"push": False}, "x": {}}},
        {"categories": {str(number): {"email": True, "push": False} for number in range(200)}},
        {"quiet_hours": {"start": "22:00", "end": "07:00"}},
    ],
    ids=lambda value: str(value)[:60],
)
def test_preferences_that_can_be(client: GatewayClient, body: object) -> None:
    assert client.call(f"PUT /v1/users/{SOMEBODY}/preferences", body).status == 503


@pytest.mark.parametrize(
    "query",
    [
        "email=",
        "email=a%00b",
        f"email={'x' * 321}",
        "email=ada",
        "email=a@b@c.example",
        "external_id=",
        "external_id=a%0Ab",
        "name=x",
    ],
)
def test_a_list_of_people_that_cannot_be(client: GatewayClient, query: str) -> None:
    answer = client.call(f"GET /v1/users?{query}")
    assert_problem(answer, 422)
    assert answer.pointers == {query.partition("=")[0]}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"token": ""}, "/token"),
        ({"token": "x" * 2049}, "/token"),
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
