"""Health: alive is alive, and ready means that a notification can be accepted."""

import httpx
import pytest

from offline.stack.stack import Stack
from tests.e2e.api import Client, Json, address
from tests.e2e.problems import assert_secure, problem
from tests.e2e.waiting import eventually

PARTS = {"postgresql": "postgresql", "redis": "valkey", "rabbitmq": "rabbitmq"}


def ready(client: Client) -> httpx.Response:
    return client.call("GET /health/ready", headers={"Authorization": None})


def statuses(answer: httpx.Response) -> dict[str, str]:
    return {name: dependency["status"] for name, dependency in answer.json()["dependencies"].items()}


def shown_down(client: Client, dependency: str) -> httpx.Response | None:
    answer = ready(client)
    others = {name: "down" if name == dependency else "up" for name in PARTS}
    return answer if statuses(answer) == others else None


def notification(code: str) -> Json:
    return {"template_code": code, "recipient": {"email": address()}, "variables": {"name": "Ada"}}


def test_alive_needs_no_token_and_asks_nobody(client: Client) -> None:
    answer = client.call("GET /health", headers={"Authorization": None})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert_secure(answer)


def test_ready_names_every_dependency_with_its_latency(client: Client) -> None:
    answer = ready(client)
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "ready"
    assert statuses(answer) == dict.fromkeys(PARTS, "up")
    for dependency in answer.json()["dependencies"].values():
        assert 0 < dependency["latency_ms"] < 5000
    assert_secure(answer)


@pytest.mark.parametrize("route", ["HEAD /health", "HEAD /health/ready"])
def test_head_is_get_without_the_body(route: str, client: Client) -> None:
    answer = client.call(route, headers={"Authorization": None})
    assert (answer.status_code, answer.content) == (200, b"")
    assert_secure(answer)


@pytest.mark.parametrize("dependency", ["redis", "rabbitmq"])
def test_what_accepting_can_do_without_is_shown_and_does_not_make_it_unready(
    dependency: str, breakable_stack: Stack, client: Client
) -> None:
    code = client.publish_template()
    breakable_stack.kill(PARTS[dependency])
    answer = eventually(lambda: shown_down(client, dependency), within_s=15, otherwise=lambda: ready(client).text)
    assert (answer.status_code, answer.json()["status"]) == (200, "ready"), answer.text
    accepted = client.call("POST /v1/notifications", notification(code))
    assert accepted.status_code == 202, accepted.text
    breakable_stack.start(PARTS[dependency])
    eventually(
        lambda: set(statuses(ready(client)).values()) == {"up"}, within_s=20, otherwise=lambda: ready(client).text
    )


def test_without_postgresql_nothing_is_ready_and_every_promise_is_refused_at_once(
    breakable_stack: Stack, client: Client
) -> None:
    code = client.publish_template()
    breakable_stack.kill("postgresql")
    answer = eventually(lambda: shown_down(client, "postgresql"), within_s=15, otherwise=lambda: ready(client).text)
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable"), answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert_secure(answer)
    assert client.call("GET /health").status_code == 200
    routes: dict[str, Json] = {
        "POST /v1/notifications": notification(code),
        "POST /v1/users": {"email": address(), "name": "Ada"},
        "GET /v1/notifications/01a2045e-c7bf-70dc-a900-7ebcb319bfef": None,
    }
    for route, body in routes.items():
        refused = client.call(route, body)
        problem(refused, 503, "database_unavailable")
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.elapsed.total_seconds() < 5, route
    breakable_stack.start("postgresql")
    eventually(lambda: ready(client).status_code == 200, within_s=20, otherwise=lambda: ready(client).text)
    assert client.call("POST /v1/notifications", routes["POST /v1/notifications"]).status_code == 202
