"""API clients through the application over the real servers."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.gateway_client import GatewayClient, Json
from tests.integration.auth.coming_in import CLIENTS, NEEDS_ADMIN, TOKEN, reach, refused, start_anew


def billing(backend: GatewayClient, **fields: Json) -> Json:
    answer = backend.call(CLIENTS, {"name": "Billing", "scopes": ["users:read", "admin"], **fields})
    assert answer.status == 201, answer.body
    assert answer.headers["location"] == f"/v1/clients/{answer.json['id']}"
    return answer.json


def test_a_client_is_made_shown_and_listed_and_its_secret_only_once(backend: GatewayClient) -> None:
    made = billing(backend, rate_limit="10/15 minutes")
    secret = made.pop("client_secret")
    assert len(secret) == 43
    assert made["id"] == made["client_id"]
    assert (made["name"], made["scopes"], made["rate_limit"]) == ("Billing", ["admin", "users:read"], "10/15 minutes")
    assert made["created_at"] == made["updated_at"]
    assert made["created_at"].endswith("Z")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(made["created_at"])) < timedelta(minutes=1)
    assert backend.call(f"GET /v1/clients/{made['id']}").json == made
    first = backend.call("GET /v1/clients?limit=1").json
    assert first["items"] == [made]
    rest = backend.call(f"GET /v1/clients?limit=1&cursor={first['next_cursor']}").json
    assert ([client["id"] for client in rest["items"]], rest["next_cursor"]) == (["local"], None)


def test_a_client_is_counted_by_its_own_rate(anybody: GatewayClient, backend: GatewayClient) -> None:
    made = billing(backend, rate_limit="3/15 minutes")
    credentials = {"client_id": made["id"], "client_secret": made["client_secret"]}
    token = anybody.call(TOKEN, credentials).json["access_token"]
    answers = [reach(anybody, token) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert {answer.headers["ratelimit-limit"] for answer in answers} == {"3"}
    assert backend.call(NEEDS_ADMIN).status == 200


def test_two_secrets_overlap_until_the_first_has_ended(
    anybody: GatewayClient, backend: GatewayClient, fresh_database: str
) -> None:
    made = billing(backend)
    rotated = backend.call(f"POST /v1/clients/{made['id']}/rotate")
    assert rotated.status == 200
    assert rotated.json["updated_at"] > made["updated_at"]
    secrets = [made["client_secret"], rotated.json["client_secret"]]
    tried = [anybody.call(TOKEN, {"client_id": made["id"], "client_secret": secret}).status for secret in secrets]
    assert tried == [200, 200]
    with psycopg.connect(fresh_database) as connection:
        connection.execute("UPDATE users.clients SET previous_expires_at = now() WHERE previous_expires_at IS NOT NULL")
    tried = [anybody.call(TOKEN, {"client_id": made["id"], "client_secret": secret}).status for secret in secrets]
    assert tried == [401, 200]


def test_a_revoked_client_gets_no_token_and_its_tokens_are_dead_in_a_fresh_environment(
    anybody: GatewayClient, backend: GatewayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = billing(backend)
    credentials = {"client_id": made["id"], "client_secret": made["client_secret"]}
    token = anybody.call(TOKEN, credentials).json["access_token"]
    assert reach(anybody, token).status == 200
    assert backend.call(f"DELETE /v1/clients/{made['id']}").status == 204
    assert refused(anybody.call(TOKEN, credentials), "invalid_credentials")
    start_anew(monkeypatch)
    assert refused(reach(anybody, token), "invalid_token")
    for route in ("DELETE /v1/clients/{}", "GET /v1/clients/{}", "POST /v1/clients/{}/rotate"):
        assert refused(backend.call(route.format(made["id"])), "client_not_found", 404)


def test_who_changed_a_client_is_in_the_trail(backend: GatewayClient, fresh_database: str) -> None:
    made = billing(backend)
    backend.call(f"POST /v1/clients/{made['id']}/rotate", headers={"X-Correlation-ID": "rotating-1"})
    backend.call(f"DELETE /v1/clients/{made['id']}")
    with psycopg.connect(fresh_database) as connection:
        entries = connection.execute(
            "SELECT actor, action, detail, correlation_id FROM users.audit WHERE target = %s ORDER BY id",
            [f"client:{made['id']}"],
        ).fetchall()
    assert [(actor, action) for actor, action, _, _ in entries] == [
        ("client:local", "client.created"),
        ("client:local", "client.rotated"),
        ("client:local", "client.revoked"),
    ]
    assert entries[1][3] == "rotating-1"
    assert made["client_secret"] not in str(entries)
