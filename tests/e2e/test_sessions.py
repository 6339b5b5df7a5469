"""Sessions over the whole system: begun, carried on, ended, stolen, and lost with Redis."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx
import jwt
import pytest
import redis

from tests.e2e.api import Client, Json, address, succeeded
from tests.e2e.people import PASSWORD, log_in, signed_in
from tests.e2e.problems import problem

NEEDS_ADMIN = "GET /v1/clients"
AT_ONCE = 50


@pytest.fixture
def admin(addresses: Mapping[str, str], client: Client) -> Json:
    """What the administrator was given at a login of this test's own."""
    return succeeded(log_in(client, addresses["ADMIN_EMAIL"], addresses["ADMIN_PASSWORD"]))


@pytest.fixture
def refresh(client: Client) -> Callable[[str], httpx.Response]:
    def call(token: str) -> httpx.Response:
        return client.call("POST /v1/auth/refresh", {"refresh_token": token}, headers={"Authorization": None})

    return call


def reach(client: Client, token: str) -> httpx.Response:
    return client.call(NEEDS_ADMIN, headers={"Authorization": f"Bearer {token}"})


def test_the_administrator_of_the_stack_logs_in_and_reaches_everything(client: Client, admin: Json) -> None:
    assert (admin["token_type"], admin["expires_in"]) == ("Bearer", 900)
    assert succeeded(reach(client, admin["access_token"]))["items"]


def test_a_token_is_verified_with_the_keys_that_are_published(client: Client, admin: Json) -> None:
    answer = client.call("GET /.well-known/jwks.json", headers={"Authorization": None})
    assert answer.headers["Cache-Control"].startswith("public")
    keys = jwt.PyJWKSet.from_dict(answer.json())
    kid = jwt.get_unverified_header(admin["access_token"])["kid"]
    claims = jwt.decode(admin["access_token"], keys[kid].key, algorithms=["EdDSA"], audience="carillon-local")
    assert {"iss", "aud", "exp", "iat", "jti", "sub", "scope", "sid"} <= claims.keys()
    assert "admin" in claims["scope"].split()


def test_a_refresh_token_is_good_once_and_its_return_kills_the_session(
    client: Client, admin: Json, refresh: Callable[[str], httpx.Response]
) -> None:
    second = succeeded(refresh(admin["refresh_token"]))
    assert reach(client, second["access_token"]).status_code == 200
    problem(refresh(admin["refresh_token"]), 401, "invalid_refresh_token")
    problem(refresh(second["refresh_token"]), 401, "invalid_refresh_token")
    for token in (admin["access_token"], second["access_token"]):
        problem(reach(client, token), 401, "invalid_token")


def test_of_fifty_who_refresh_with_one_token_at_once_one_wins_and_nobody_keeps_the_session(
    client: Client, admin: Json, refresh: Callable[[str], httpx.Response]
) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(refresh, [admin["refresh_token"]] * AT_ONCE))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * (AT_ONCE - 1)
    (won,) = [answer.json() for answer in answers if answer.status_code == 200]
    problem(reach(client, won["access_token"]), 401, "invalid_token")
    problem(refresh(won["refresh_token"]), 401, "invalid_refresh_token")


def test_logging_out_kills_both_tokens_at_once_and_leaves_the_persons_other_session(
    client: Client, refresh: Callable[[str], httpx.Response]
) -> None:
    here = signed_in(client)
    there = succeeded(log_in(client, here.user["email"]))
    assert here.call("POST /v1/auth/logout").status_code == 204
    problem(here.call("POST /v1/auth/logout"), 401, "invalid_token")
    problem(refresh(here.refresh_token), 401, "invalid_refresh_token")
    assert succeeded(refresh(there["refresh_token"]))


def test_failing_too_often_closes_the_account_to_this_address_for_a_while(client: Client) -> None:
    user = client.create_user(email=address(), password=PASSWORD)
    for _ in range(10):
        problem(log_in(client, user["email"], "a wrong password"), 401, "invalid_credentials")
    answer = log_in(client, user["email"].upper())
    problem(answer, 429, "too_many_requests")
    assert 0 < int(answer.headers["Retry-After"]) <= 900


def test_an_emptied_redis_logs_people_out_and_no_client(
    addresses: Mapping[str, str], client: Client, admin: Json, refresh: Callable[[str], httpx.Response]
) -> None:
    with redis.Redis.from_url(addresses["REDIS_URL"]) as server:
        server.flushdb()
    problem(reach(client, admin["access_token"]), 401, "invalid_token")
    problem(refresh(admin["refresh_token"]), 401, "invalid_refresh_token")
    assert reach(client, client.token).status_code == 200
    again = log_in(client, addresses["ADMIN_EMAIL"], addresses["ADMIN_PASSWORD"])
    assert reach(client, succeeded(again)["access_token"]).status_code == 200
