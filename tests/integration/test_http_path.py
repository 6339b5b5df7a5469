"""The application over the real servers: everything that a backend does, from its secret to the traced notification."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from chalice.app import Chalice

import app as application
from chalicelib.domain.principal import Scope
from chalicelib.services.establish import FirstClient
from chalicelib.wiring import environment as servers_of
from chalicelib.wiring import migration
from tests.configured import environment, forget_wiring
from tests.gateway_client import Answered, GatewayClient, Json

SECRET = "a secret that only the backend knows"
STRANGER = "0192d3f0-0000-7000-8000-000000000001"
TEMPLATE = {
    "code": "welcome",
    "name": "Welcome",
    "category": "onboarding",
    "default_locale": "en",
    "contents": [
        {"channel": "email", "locale": "en", "subject": "Hello {{ name }}", "html": "<p>{{ name }}</p>"},
        {"channel": "push", "locale": "en", "title": "Hi", "body": "{{ name }}", "data": {"order": "7"}},
    ],
}


@pytest.fixture
def app(fresh_database: str, fresh_redis: str, fresh_vhost: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chalice]:
    settings = environment(database_url=fresh_database, redis_url=fresh_redis, rabbitmq_url=fresh_vhost)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    forget_wiring()
    migration.upgrade_schemas()
    migration.establish_topology()
    migration.establish(admin=None, client=FirstClient("billing", "Billing", frozenset({Scope.ADMIN}), SECRET))
    yield application.app
    servers_of.publisher().close()
    servers_of.redis_cache().close()
    servers_of.database("users").close()
    forget_wiring()


@pytest.fixture
def client(app: Chalice) -> GatewayClient:
    credentials = {"client_id": "billing", "client_secret": SECRET}
    answer = GatewayClient(app).call("POST /v1/auth/token", credentials)
    assert (answer.status, answer.json["token_type"], answer.json["expires_in"]) == (200, "Bearer", 900)
    assert answer.json.keys() == {"access_token", "token_type", "expires_in"}
    return GatewayClient(app, token=answer.json["access_token"])


def ada(client: GatewayClient) -> Json:
    return client.call("POST /v1/users", {"email": "ada@example.com", "name": "Ada", "locale": "en-gb"}).json


def welcome(client: GatewayClient) -> None:
    assert client.call("POST /v1/templates", TEMPLATE).status == 201
    assert client.call("POST /v1/templates/welcome/versions/1/publish").status == 200


def a_notification(user: Json) -> dict[str, object]:
    return {"template_code": "welcome", "user_id": user["id"], "variables": {"name": "Ada"}}


def assert_problem(answer: Answered, status: int, code: str) -> None:
    assert (answer.status, answer.json["code"]) == (status, code)


def assert_recent(timestamp: str) -> None:
    assert timestamp.endswith("Z")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(timestamp)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("client_id", "secret"), [("billing", "wrong"), ("stranger", SECRET), ("billing", SECRET + " ")]
)
def test_wrong_credentials_are_401_and_say_no_more(app: Chalice, client_id: str, secret: str) -> None:
    answer = GatewayClient(app).call("POST /v1/auth/token", {"client_id": client_id, "client_secret": secret})
    assert_problem(answer, 401, "invalid_credentials")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_person_is_registered_once(client: GatewayClient) -> None:
    described = {
        "email": "Ada@EXAMPLE.com",
        "name": "Ada",
        "password": "correct horse",
        "locale": "fr-ca",
        "timezone": "Europe/Paris",
        "external_id": "crm-7",
    }
    answer = client.call("POST /v1/users", described)
    user = answer.json
    assert answer.status == 201
    assert answer.headers["location"] == f"/v1/users/{user['id']}"
    assert answer.headers["etag"] == '"1"'
    assert_recent(user.pop("created_at"))
    assert_recent(user.pop("updated_at"))
    assert user.pop("id")
    assert user == {
        "email": "Ada@example.com",
        "name": "Ada",
        "locale": "fr-CA",
        "timezone": "Europe/Paris",
        "external_id": "crm-7",
        "is_admin": False,
    }
    assert_problem(client.call("POST /v1/users", {"email": "ada@example.com", "name": "A"}), 409, "email_taken")
    again = {"email": "eve@example.com", "name": "Eve", "external_id": "crm-7"}
    assert_problem(client.call("POST /v1/users", again), 409, "external_id_taken")


def test_devices_are_registered_listed_in_pages_and_forgotten(client: GatewayClient) -> None:
    devices = f"/v1/users/{ada(client)['id']}/devices"
    answers = [
        client.call(f"POST {devices}", {"token": f"phone-{number}", "platform": "android"}) for number in range(3)
    ]
    assert {answer.status for answer in answers} == {201}
    assert answers[0].headers["location"] == f"{devices}/{answers[0].json['id']}"
    assert answers[0].json.keys() == {"id", "token", "platform", "created_at", "updated_at"}
    first = client.call(f"GET {devices}?limit=2").json
    rest = client.call(f"GET {devices}?limit=2&cursor={first['next_cursor']}").json
    listed = [device["id"] for device in first["items"] + rest["items"]]
    assert sorted(listed, reverse=True) == listed == sorted((answer.json["id"] for answer in answers), reverse=True)
    assert rest["next_cursor"] is None
    assert client.call(f"DELETE {devices}/{listed[0]}").status == 204
    assert_problem(client.call(f"DELETE {devices}/{listed[0]}"), 404, "device_not_found")
    assert len(client.call(f"GET {devices}").json["items"]) == 2


def test_a_cursor_of_one_list_is_none_of_another(client: GatewayClient) -> None:
    grace = client.call("POST /v1/users", {"email": "grace@example.com", "name": "Grace"}).json
    devices = f"/v1/users/{ada(client)['id']}/devices"
    for token in ("one", "two"):
        client.call(f"POST {devices}", {"token": token, "platform": "web"})
    cursor = client.call(f"GET {devices}?limit=1").json["next_cursor"]
    assert_problem(client.call(f"GET /v1/users/{grace['id']}/devices?cursor={cursor}"), 422, "invalid_request")


def test_a_stranger_has_no_devices_to_list_or_add(client: GatewayClient) -> None:
    devices = f"/v1/users/{STRANGER}/devices"
    assert_problem(client.call(f"GET {devices}"), 404, "user_not_found")
    assert_problem(client.call(f"POST {devices}", {"token": "phone", "platform": "ios"}), 404, "user_not_found")


def test_a_template_begins_as_a_draft_and_is_published(client: GatewayClient) -> None:
    answer = client.call("POST /v1/templates", TEMPLATE)
    assert (answer.status, answer.headers["location"], answer.headers["etag"]) == (201, "/v1/templates/welcome", '"1"')
    template = answer.json
    assert (template["code"], template["published_version"], template["latest_version"]) == ("welcome", None, 1)
    assert (template["version"]["number"], template["version"]["status"]) == (1, "draft")
    assert template["version"]["contents"][0]["variables"] == ["name"]
    published = client.call("POST /v1/templates/welcome/versions/1/publish", {})
    assert (published.status, published.json["number"], published.json["status"]) == (200, 1, "published")
    assert_recent(published.json["published_at"])
    assert client.call("POST /v1/templates/welcome/versions/1/publish").json == published.json
    assert_problem(client.call("POST /v1/templates", TEMPLATE), 409, "template_code_taken")
    absent = client.call("POST /v1/templates/welcome/versions/2/publish")
    assert_problem(absent, 404, "template_version_not_found")


def test_a_notification_is_promised_and_can_be_traced(client: GatewayClient) -> None:
    welcome(client)
    user = ada(client)
    client.call(f"POST /v1/users/{user['id']}/devices", {"token": "phone", "platform": "ios"})
    asked = a_notification(user) | {"metadata": {"order": 7}, "priority": "high"}
    answer = client.call("POST /v1/notifications", asked, headers={"X-Correlation-ID": "order-7-shipped"})
    promised = answer.json
    assert answer.status == 202
    assert answer.headers["location"] == f"/v1/notifications/{promised['notification_id']}"
    assert "idempotent-replayed" not in answer.headers
    assert (promised["status"], promised["correlation_id"]) == ("accepted", "order-7-shipped")
    assert sorted(delivery["channel"] for delivery in promised["deliveries"]) == ["email", "push"]
    traced = client.call(f"GET {answer.headers['location']}").json
    assert traced["id"] == promised["notification_id"]
    assert (traced["template_version"], traced["priority"], traced["metadata"]) == (1, "high", {"order": 7})
    assert (traced["category"], traced["user_id"]) == ("onboarding", user["id"])
    assert_recent(traced["created_at"])
    for delivery in traced["deliveries"]:
        assert (delivery["status"], delivery["attempts"], delivery["next_attempt_at"]) == ("queued", 0, None)
        assert [event["event"] for event in delivery["events"]] == ["accepted", "queued"]
        assert {event["correlation_id"] for event in delivery["events"]} == {"order-7-shipped"}


def test_a_repeated_request_is_answered_and_not_repeated(client: GatewayClient, fresh_database: str) -> None:
    welcome(client)
    asked, key = a_notification(ada(client)), {"Idempotency-Key": "order 7"}
    first = client.call("POST /v1/notifications", asked, headers=key)
    again = client.call("POST /v1/notifications", dict(reversed(asked.items())), headers=key)
    assert (again.status, again.json, again.headers["idempotent-replayed"]) == (202, first.json, "true")
    assert again.headers["location"] == first.headers["location"]
    other = client.call("POST /v1/notifications", asked | {"priority": "low"}, headers=key)
    assert_problem(other, 422, "idempotency_key_reused")
    with psycopg.connect(fresh_database) as connection:
        assert connection.execute("SELECT count(*) FROM notifications.notifications").fetchall() == [(1,)]


def test_what_cannot_be_sent_is_refused_and_nothing_is_stored(client: GatewayClient, fresh_database: str) -> None:
    draft = {**TEMPLATE, "code": "draft", "contents": TEMPLATE["contents"][:1]}
    client.call("POST /v1/templates", draft)
    client.call("POST /v1/templates", {**draft, "code": "mail-only"})
    client.call("POST /v1/templates/mail-only/versions/1/publish")
    good = a_notification(ada(client)) | {"template_code": "mail-only"}
    refusals = {
        "user_not_found": good | {"user_id": STRANGER},
        "template_not_found": good | {"template_code": "unheard-of"},
        "template_not_published": good | {"template_code": "draft"},
        "channel_not_in_template": good | {"channels": ["push"]},
        "missing_variables": good | {"variables": {}},
    }
    for code, body in refusals.items():
        assert_problem(client.call("POST /v1/notifications", body), 422, code)
    with psycopg.connect(fresh_database) as connection:
        assert connection.execute("SELECT count(*) FROM notifications.notifications").fetchall() == [(0,)]


def test_a_notification_that_nobody_sent_is_404(client: GatewayClient) -> None:
    assert_problem(client.call(f"GET /v1/notifications/{STRANGER}"), 404, "not_found")


def test_ready_tells_of_every_dependency(client: GatewayClient) -> None:
    answer = client.call("GET /health/ready")
    assert (answer.status, answer.json["status"]) == (200, "ready")
    assert answer.json["dependencies"].keys() == {"postgresql", "redis", "rabbitmq"}
    for dependency in answer.json["dependencies"].values():
        assert dependency["status"] == "up"
        assert dependency["latency_ms"] >= 0


def test_without_the_broker_and_redis_acceptance_is_still_ready(
    client: GatewayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RABBITMQ_URL", environment()["RABBITMQ_URL"])
    monkeypatch.setenv("REDIS_URL", environment()["REDIS_URL"])
    servers_of.publisher().close()
    servers_of.redis_cache().close()
    servers_of.database("users").close()
    forget_wiring()
    answer = client.call("GET /health/ready")
    assert (answer.status, answer.json["status"]) == (200, "ready")
    states = {name: dependency["status"] for name, dependency in answer.json["dependencies"].items()}
    assert states == {"postgresql": "up", "redis": "down", "rabbitmq": "down"}
    welcome(client)
    assert client.call("POST /v1/notifications", a_notification(ada(client))).status == 202
