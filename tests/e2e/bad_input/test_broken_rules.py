"""The rules of each resource: what breaks one is refused, and the answer says where."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.api import EMAIL, PUSH, Client, Json
from tests.e2e.bad_input.routes import DEVICES, NOTIFICATIONS, TEMPLATES, USERS, World, send
from tests.e2e.problems import pointers, problem


def moment_in(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


DEVICE = {"token": "a-device", "platform": "ios"}


@pytest.mark.parametrize(
    ("change", "code", "at"),
    [
        ({"variables": {}}, "missing_variables", "/variables/name"),
        ({"variables": {"Name": "Ada"}}, "missing_variables", "/variables/name"),
        ({"user_id": "00000000-0000-7000-8000-000000000000"}, "user_not_found", "/user_id"),
        ({"user_id": "me"}, "invalid_request", "/user_id"),
        ({"template_code": "no-such-template"}, "template_not_found", "/template_code"),
        ({"template_code": "No Template"}, "invalid_request", "/template_code"),
        ({"template_code": "{draft}"}, "template_not_published", "/template_code"),
        ({"template_code": "{email_only}", "channels": ["push"]}, "channel_not_in_template", "/channels"),
        ({"template_code": "{email_only}", "channels": ["email", "push"]}, "channel_not_in_template", "/channels"),
        ({"channels": ["sms"]}, "invalid_request", "/channels/0"),
        ({"channels": []}, "invalid_request", "/channels"),
        ({"channels": ["email", "push", "email"]}, "invalid_request", "/channels/2"),
        ({"recipient": {"email": "a@example.test"}}, "invalid_request", "/recipient"),
        ({"user_id": None}, "invalid_request", ""),
        ({"user_id": None, "recipient": {"email": "no address"}}, "invalid_request", "/recipient/email"),
        ({"user_id": None, "recipient": {"email": "a@b@c.test"}}, "invalid_request", "/recipient/email"),
        ({"user_id": None, "recipient": {"email": "a@x.test\r\nBcc: b@x.test"}}, "invalid_request", "/recipient/email"),
        ({"user_id": None, "recipient": {"name": "Ada\nBcc: b@x.test"}}, "invalid_request", "/recipient/name"),
        ({"user_id": None, "recipient": {"phone": "1"}}, "invalid_request", "/recipient/phone"),
        ({"user_id": None, "recipient": {"device_tokens": [{"token": "x"}]}}, "invalid_request", None),
        ({"user_id": None, "recipient": {"device_tokens": [{"token": "a b", "platform": "ios"}]}}, None, None),
        ({"user_id": None, "recipient": {"device_tokens": [{"token": "a", "platform": "fax"}]}}, None, None),
        ({"user_id": None, "recipient": {"device_tokens": [DEVICE, DEVICE]}}, "invalid_request", None),
        (
            {"user_id": None, "recipient": {"device_tokens": [{**DEVICE, "token": f"d{n}"} for n in range(101)]}},
            "invalid_request",
            "/recipient/device_tokens",
        ),
        ({"locale": "not a locale"}, "invalid_request", "/locale"),
        ({"category": "Not A Category"}, "invalid_request", "/category"),
        ({"priority": "urgent"}, "invalid_request", "/priority"),
        ({"send_at": "2026-01-01T00:00:00"}, "invalid_request", "/send_at"),
        ({"send_at": "tomorrow"}, "invalid_request", "/send_at"),
        ({"send_at": 1_800_000_000}, "invalid_request", "/send_at"),
        ({"send_at": moment_in(days=367)}, "invalid_request", "/send_at"),
        ({"expires_at": moment_in(seconds=-1)}, "invalid_request", "/expires_at"),
        ({"expires_at": "2026-01-01"}, "invalid_request", "/expires_at"),
        (
            {"send_at": moment_in(hours=2), "expires_at": moment_in(hours=1)},
            "invalid_request",
            "/expires_at",
        ),
    ],
)
def test_a_notification_that_breaks_a_rule_is_422_and_says_which(
    change: Json, code: str | None, at: str | None, client: Client, world: World
) -> None:
    filled = {
        name: value.format_map(world.names) if isinstance(value, str) else value for name, value in change.items()
    }
    found = problem(send(client, world, NOTIFICATIONS, body={**world.good[NOTIFICATIONS], **filled}), 422, code)
    assert pointers(found) == {at} if at is not None else pointers(found), found


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"email": "no address"}, "/email"),
        ({"email": ""}, "/email"),
        ({"email": f"{'a' * 65}@example.test"}, "/email"),
        ({"name": ""}, "/name"),
        ({"name": " \t"}, "/name"),
        ({"name": "Ada\r\nBcc: x@example.test"}, "/name"),
        ({"name": "a" * 201}, "/name"),
        ({"password": "short"}, "/password"),
        ({"password": "ü" * 37}, "/password"),
        ({"locale": "english"}, "/locale"),
        ({"timezone": "Mars/Olympus"}, "/timezone"),
        ({"timezone": "../etc/passwd"}, "/timezone"),
        ({"external_id": ""}, "/external_id"),
        ({"scopes": ["admin"]}, "/scopes"),
    ],
)
def test_a_user_that_breaks_a_rule_is_422_and_says_which(change: Json, at: str, client: Client, world: World) -> None:
    answer = send(client, world, USERS, body={**world.good[USERS], **change})
    assert pointers(problem(answer, 422, "invalid_request")) == {at}
    assert "correct horse" not in answer.text


def test_an_address_is_taken_whatever_its_case(client: Client, world: World) -> None:
    body = {**world.good[USERS], "email": world.names["email"].upper()}
    problem(send(client, world, USERS, body=body), 409)


@pytest.mark.parametrize(
    "change", [{"token": ""}, {"token": "a b"}, {"token": "ü"}, {"token": "x" * 4097}, {"platform": "fax"}]
)
def test_a_device_that_breaks_a_rule_is_422(change: Json, client: Client, world: World) -> None:
    answer = send(client, world, DEVICES, body={**world.good[DEVICES], **change})
    assert pointers(problem(answer, 422, "invalid_request")) == {f"/{next(iter(change))}"}


@pytest.mark.parametrize(
    ("contents", "at"),
    [
        ([], "/contents"),
        ([{**EMAIL, "channel": "fax"}], "/contents/0"),
        ([{**EMAIL, "title": "x"}], "/contents/0/title"),
        ([{**PUSH, "subject": "x"}], "/contents/0/subject"),
        ([EMAIL, EMAIL], "/contents/1/locale"),
        ([{**EMAIL, "locale": "fr"}], "/default_locale"),
        ([{**EMAIL, "html": "<p>\n{{ name"}], "/contents/0/html"),
        ([{**EMAIL, "html": "{{ name.__class__ }}"}], "/contents/0/html"),
        ([{**EMAIL, "html": "{{ ''.__class__.__mro__ }}"}], "/contents/0/html"),
        ([{**EMAIL, "html": "{% include 'x' %}"}], "/contents/0/html"),
        ([{**EMAIL, "subject": "one\ntwo"}], "/contents/0/subject"),
        ([{**PUSH, "title": "one\r\ntwo"}], "/contents/0/title"),
        ([{**PUSH, "data": {"a/b": "{% if %}"}}], "/contents/0/data/a~1b"),
    ],
)
def test_a_template_that_cannot_be_used_is_422_and_says_where(
    contents: Json, at: str, client: Client, world: World
) -> None:
    answer = send(client, world, TEMPLATES, body={**world.good[TEMPLATES], "contents": contents})
    assert pointers(problem(answer, 422)) == {at}


def test_a_template_that_does_not_compile_names_the_line(client: Client, world: World) -> None:
    contents = [{**EMAIL, "html": "<p>\n\n{% if %}</p>"}]
    answer = send(client, world, TEMPLATES, body={**world.good[TEMPLATES], "contents": contents})
    assert "line 3" in problem(answer, 422, "invalid_template")["errors"][0]["detail"]


def test_a_template_code_in_use_is_409(client: Client, world: World) -> None:
    body = {**world.good[TEMPLATES], "code": world.names["draft"]}
    problem(send(client, world, TEMPLATES, body=body), 409)
