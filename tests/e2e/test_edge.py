"""What stands before every route, over HTTP: browsers are asked for, and rates are told."""

import pytest

import app
from chalicelib.handlers.contract import contract_of
from chalicelib.handlers.routes import load_routes
from tests.conftest import SETTINGS
from tests.e2e.api import Client
from tests.e2e.problems import assert_secure, problem

load_routes(app.app)
ORIGIN = SETTINGS["CORS_ORIGINS"]
PATHS = {path: path.replace("{", "").replace("}", "").replace("+", "") for path in app.app.routes}
RATES = {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}


def preflight(client: Client, path: str, origin: str) -> dict[str, str]:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST", "Authorization": None}
    answer = client.call(f"OPTIONS {path}", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Vary"] == "Origin"
    assert not RATES & set(answer.headers)
    assert_secure(answer)
    return dict(answer.headers)


@pytest.mark.parametrize("path", PATHS)
def test_a_browser_of_ours_is_told_what_each_path_takes(path: str, client: Client) -> None:
    told = preflight(client, PATHS[path], ORIGIN)
    known = {method for method, entry in app.app.routes[path].items() if contract_of(entry.view_function)}
    assert told["access-control-allow-origin"] == ORIGIN
    assert set(told["access-control-allow-methods"].split(", ")) >= known
    assert "Idempotency-Key" in told["access-control-allow-headers"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_browser_of_somebody_elses_is_told_nothing(origin: str, client: Client) -> None:
    assert not [name for name in preflight(client, "/v1/users", origin) if name.startswith("access-control")]


def test_an_answer_may_be_read_by_browsers_of_ours(client: Client) -> None:
    for headers, status in (({}, 200), ({"Authorization": None}, 401)):
        answer = client.call("GET /v1/users?limit=1", headers={"Origin": ORIGIN, **headers})
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("route", ["GET /v1/users", "GET /nowhere", "DELETE /v1/users", "POST /v1/users", "GET /docs"])
@pytest.mark.parametrize("authorization", [None, "Bearer garbled"])
def test_every_answer_but_healths_tells_the_callers_rate(route: str, authorization: str | None, client: Client) -> None:
    headers = client.call(route, headers={"Authorization": authorization}).headers
    assert set(map(str.lower, RATES)) <= set(headers)
    assert 0 <= int(headers["RateLimit-Remaining"]) <= int(headers["RateLimit-Limit"])
    assert not set(map(str.lower, RATES)) & set(client.call("GET /health").headers)


def test_requests_of_a_client_and_of_an_address_are_counted_apart(client: Client) -> None:
    def remaining(authorization: str | None) -> int:
        answer = client.call("GET /v1/users", headers={"Authorization": authorization})
        return int(answer.headers["RateLimit-Remaining"])

    bearer = f"Bearer {client.token}"
    first, second = remaining(bearer), remaining(bearer)
    assert second < first
    of_the_address = remaining(None)
    assert remaining(bearer) == second - 1
    assert remaining(None) == of_the_address - 1


def test_json_that_is_nested_without_end_is_refused(client: Client) -> None:
    for depth, status in ((33, 422), (900, 422), (100_000, 400)):
        content = b'{"variables":' + b"[" * depth + b"]" * depth + b"}"
        problem(client.call("POST /v1/notifications", content=content), status)
