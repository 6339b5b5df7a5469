"""Templates through the application and a real PostgreSQL."""

from collections.abc import Iterator

import pytest
from chalice.app import Chalice

import app as application
from chalicelib.domain.principal import Scope
from chalicelib.services.establish import FirstClient
from chalicelib.wiring import environment as servers_of
from chalicelib.wiring import migration
from tests.configured import environment, forget_wiring
from tests.gateway_client import Answered, GatewayClient, Json
from tests.requests_of_a_backend import EMAIL, PUSH, TEMPLATE, with_scopes

WELCOME = "/v1/templates/welcome"


@pytest.fixture
def app(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chalice]:
    for name, value in environment(database_url=fresh_database).items():
        monkeypatch.setenv(name, value)
    forget_wiring()
    migration.upgrade_schemas()
    migration.establish(admin=None, client=FirstClient("billing", "Billing", frozenset({Scope.ADMIN}), "a secret"))
    yield application.app
    servers_of.database("users").close()
    forget_wiring()


@pytest.fixture
def client(app: Chalice) -> GatewayClient:
    client = with_scopes(app, Scope.ADMIN)
    assert client.call("POST /v1/templates", TEMPLATE).status == 201
    return client


def assert_problem(answer: Answered, status: int, code: str) -> None:
    assert (answer.status, answer.json["code"]) == (status, code), answer.body


def a_partial(code: str, html: str) -> Json:
    content = {"channel": "email", "locale": "en", "html": html}
    return {"code": code, "name": code, "kind": "partial", "default_locale": "en", "contents": [content]}


def test_a_template_is_read_as_it_was_made(client: GatewayClient) -> None:
    answer = client.call(f"GET {WELCOME}")
    assert (answer.status, answer.headers["etag"]) == (200, '"1"')
    template = answer.json
    assert template.pop("created_at").endswith("Z")
    assert template.pop("updated_at").endswith("Z")
    assert template == {
        "code": "welcome",
        "name": "Welcome",
        "kind": "notification",
        "category": None,
        "default_locale": "en",
        "published_version": None,
        "latest_version": 1,
    }
    version = client.call(f"GET {WELCOME}/versions/1").json
    assert version["contents"][0] == {**EMAIL, "text": None, "variables": []}
    assert version["contents"][1] == {**PUSH, "image": None, "link": None, "data": {}, "variables": []}
    assert (version["number"], version["status"], version["includes"]) == (1, "draft", {})


def test_of_two_editors_the_second_is_told(client: GatewayClient) -> None:
    read = {"If-Match": client.call(f"GET {WELCOME}").headers["etag"]}
    added = client.call(f"POST {WELCOME}/versions", {"contents": [EMAIL]}, headers=read)
    assert (added.status, added.headers["location"], added.headers["etag"]) == (201, f"{WELCOME}/versions/2", '"2"')
    for route, body in {
        f"POST {WELCOME}/versions": {"contents": [EMAIL]},
        f"POST {WELCOME}/versions/1/publish": None,
        f"PATCH {WELCOME}": {"name": "Hello"},
        f"DELETE {WELCOME}": None,
    }.items():
        assert_problem(client.call(route, body, headers=read), 412, "precondition_failed")
    fresh = {"If-Match": added.headers["etag"]}
    assert client.call(f"POST {WELCOME}/versions/2/publish", headers=fresh).headers["etag"] == '"3"'
    assert client.call(f"PATCH {WELCOME}", {"name": "Hello"}, headers={"If-Match": "*"}).json["name"] == "Hello"


def test_lists_are_paged_and_bound_to_their_cursor(client: GatewayClient) -> None:
    for code in ("one", "two"):
        client.call("POST /v1/templates", {**TEMPLATE, "code": code})
    first = client.call("GET /v1/templates?limit=2").json
    rest = client.call(f"GET /v1/templates?limit=2&cursor={first['next_cursor']}").json
    assert [each["code"] for each in first["items"] + rest["items"]] == ["two", "one", "welcome"]
    assert rest["next_cursor"] is None
    for _ in range(2):
        client.call(f"POST {WELCOME}/versions", {"contents": [EMAIL]})
    page = client.call(f"GET {WELCOME}/versions?limit=2").json
    assert [each["number"] for each in page["items"]] == [3, 2]
    assert "contents" not in page["items"][0]
    rest = client.call(f"GET {WELCOME}/versions?cursor={page['next_cursor']}").json
    assert [each["number"] for each in rest["items"]] == [1]
    assert client.call(f"GET /v1/templates/one/versions?cursor={page['next_cursor']}").status == 422


def test_a_default_locale_that_the_template_lacks_is_refused(client: GatewayClient) -> None:
    answer = client.call(f"PATCH {WELCOME}", {"default_locale": "fr"})
    assert_problem(answer, 422, "default_locale_missing")
    assert answer.pointers == {"/default_locale"}


def test_an_archived_template_is_gone_and_its_code_stays_taken(client: GatewayClient) -> None:
    assert client.call(f"DELETE {WELCOME}").status == 204
    for route in ("GET", "DELETE", "PATCH"):
        assert_problem(
            client.call(f"{route} {WELCOME}", {"name": "x"} if route == "PATCH" else None), 404, "template_not_found"
        )
    for path in ("versions", "versions/1", "missing-translations"):
        assert_problem(client.call(f"GET {WELCOME}/{path}"), 404, "template_not_found")
    assert_problem(client.call(f"POST {WELCOME}/preview", {"channel": "email"}), 404, "template_not_found")
    assert_problem(client.call("POST /v1/templates", TEMPLATE), 409, "template_code_taken")
    assert client.call("GET /v1/templates").json == {"items": [], "next_cursor": None}


def test_a_partial_is_fixed_into_the_version_that_includes_it(client: GatewayClient) -> None:
    client.call("POST /v1/templates", a_partial("footer", "<i>{{ place }}</i>"))
    contents = [{**EMAIL, "html": "<p>\n{% include 'footer' %}"}]
    refused = client.call(f"POST {WELCOME}/versions", {"contents": contents})
    assert_problem(refused, 422, "invalid_template")
    assert refused.json["errors"] == [
        {"pointer": "/contents/0/html", "detail": "line 2: there is no published partial footer"}
    ]
    client.call("POST /v1/templates/footer/versions/1/publish")
    added = client.call(f"POST {WELCOME}/versions", {"contents": contents}).json
    assert (added["includes"], added["contents"][0]["variables"]) == ({"footer": 1}, ["place"])
    client.call("POST /v1/templates/footer/versions", {"contents": a_partial("footer", "<b>new</b>")["contents"]})
    client.call("POST /v1/templates/footer/versions/2/publish")
    forget_wiring()  # as in another process
    asked = {"channel": "email", "version": 2, "variables": {"place": "<here>"}, "locale": "fr-CA"}
    assert client.call(f"POST {WELCOME}/preview", asked).json == {
        "channel": "email",
        "locale": "en",
        "version": 2,
        "subject": "Hello",
        "html": "<p>\n<i>&lt;here&gt;</i>",
        "text": "<here>",
    }
    report = client.call(f"GET {WELCOME}/missing-translations").json
    assert (report["code"], report["version"], report["locales"]) == ("welcome", 2, ["en"])
    assert [(part["template_code"], part["version"]) for part in report["items"]] == [("welcome", 2), ("footer", 1)]
    refused = client.call("POST /v1/notifications", {"template_code": "footer", "recipient": {"email": "a@b.example"}})
    assert_problem(refused, 422, "template_not_found")


def test_who_changed_what_is_in_the_audit_trail(client: GatewayClient) -> None:
    headers = {"X-Correlation-ID": "editing-0001"}
    client.call(f"PATCH {WELCOME}", {"name": "Hello", "category": "news"}, headers=headers)
    entry = client.call("GET /v1/audit?action=template.updated").json["items"][0]
    assert (entry["actor"], entry["target"], entry["correlation_id"]) == (
        "client:billing",
        "template:welcome",
        "editing-0001",
    )
    assert entry["detail"] == {"fields": ["category", "name"]}
