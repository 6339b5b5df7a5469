"""API clients over the whole system: secrets that overlap, rates of their own, and how fast a revocation is seen."""

import time

import httpx

from tests.e2e.api import Client, Json, succeeded, unique
from tests.e2e.problems import problem
from tests.e2e.waiting import eventually

SEEN_WITHIN_S = 5.0
ON_EVERY_PROCESS = 40
"""So many requests in a row that each process of the HTTP front has answered some of them."""


def made(client: Client, **fields: Json) -> Json:
    return succeeded(client.call("POST /v1/clients", {"name": unique("client"), "scopes": ["admin"], **fields}))


def ask_token(client: Client, client_id: str, secret: str) -> httpx.Response:
    asked = {"client_id": client_id, "client_secret": secret}
    return client.call("POST /v1/auth/token", asked, headers={"Authorization": None})


def reach(client: Client, token: str) -> httpx.Response:
    return client.call("GET /v1/clients?limit=1", headers={"Authorization": f"Bearer {token}"})


def test_a_revoked_client_is_refused_everywhere_within_five_seconds(client: Client) -> None:
    backend = made(client)
    token = succeeded(ask_token(client, backend["client_id"], backend["client_secret"]))["access_token"]
    assert {reach(client, token).status_code for _ in range(ON_EVERY_PROCESS)} == {200}
    succeeded(client.call(f"DELETE /v1/clients/{backend['client_id']}"))
    revoked_at_s = time.monotonic()
    problem(ask_token(client, backend["client_id"], backend["client_secret"]), 401, "invalid_credentials")

    def refused_everywhere() -> bool:
        return all(reach(client, token).status_code == 401 for _ in range(ON_EVERY_PROCESS))

    eventually(refused_everywhere, within_s=SEEN_WITHIN_S, otherwise=lambda: "a process still lets it in")
    assert time.monotonic() - revoked_at_s < SEEN_WITHIN_S + 1


def test_two_secrets_of_a_client_overlap_and_tokens_of_both_hold(client: Client) -> None:
    backend = made(client)
    rotated = succeeded(client.call(f"POST /v1/clients/{backend['client_id']}/rotate"))
    for secret in (backend["client_secret"], rotated["client_secret"]):
        token = succeeded(ask_token(client, backend["client_id"], secret))["access_token"]
        assert reach(client, token).status_code == 200
    again = succeeded(client.call(f"POST /v1/clients/{backend['client_id']}/rotate"))
    problem(ask_token(client, backend["client_id"], backend["client_secret"]), 401, "invalid_credentials")
    for secret in (rotated["client_secret"], again["client_secret"]):
        succeeded(ask_token(client, backend["client_id"], secret))


def test_a_client_has_a_rate_of_its_own(client: Client) -> None:
    backend = made(client, rate_limit="5/15 minutes")
    token = succeeded(ask_token(client, backend["client_id"], backend["client_secret"]))["access_token"]
    answers = [reach(client, token) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"5"}
    assert reach(client, client.token).status_code == 200


def test_the_newest_client_is_listed_first_and_no_list_shows_a_secret(client: Client) -> None:
    backends = [made(client) for _ in range(3)]
    listed = succeeded(client.call("GET /v1/clients?limit=3"))
    assert [each["client_id"] for each in listed["items"]] == [each["client_id"] for each in reversed(backends)]
    assert not [each for each in listed["items"] if "client_secret" in each]
