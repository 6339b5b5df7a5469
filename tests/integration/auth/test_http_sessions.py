"""Logging in, carrying on and logging out, through the application over the real servers."""

import json
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
import redis

from chalicelib.errors import Unauthenticated
from chalicelib.services.refresh_session import refresh_session
from chalicelib.stores.accounts import AccountStore
from chalicelib.stores.postgres import Database
from chalicelib.wiring import auth as wiring
from chalicelib.wiring import environment as servers_of
from tests.configured import environment, signing_key
from tests.gateway_client import Answered, GatewayClient, Json
from tests.integration.auth.coming_in import (
    ADMIN,
    CREDENTIALS,
    LOGIN,
    LOGOUT,
    NEEDS_ADMIN,
    REFRESH,
    TOKEN,
    reach,
    refused,
    start_anew,
)

AT_ONCE = 50


def log_out(client: GatewayClient, tokens: Json) -> Answered:
    return client.call(LOGOUT, headers={"Authorization": f"Bearer {tokens['access_token']}"})


def test_an_administrator_logs_in_and_reaches_everything(anybody: GatewayClient, tokens: Json) -> None:
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    assert reach(anybody, tokens["access_token"]).status == 200


@pytest.mark.parametrize(
    "change",
    [
        {"password": "wrong"},
        {"password": "battery staple "},
        {"password": "battery staple" + "x" * 72},
        {"password": "\u00e9" * 37},
        {"email": "nobody@example.com"},
    ],
    ids=ascii,
)
def test_wrong_credentials_are_401_and_say_no_more(anybody: GatewayClient, change: dict[str, str]) -> None:
    answer = anybody.call(LOGIN, ADMIN | change)
    assert refused(answer, "invalid_credentials")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json["detail"] == "The e-mail address or the password is wrong."


def test_a_login_is_refused_unheard_after_ten_failures(anybody: GatewayClient, fresh_redis: str) -> None:
    assert all(anybody.call(LOGIN, ADMIN | {"password": "wrong"}).status == 401 for _ in range(10))
    answer = anybody.call(LOGIN, ADMIN)
    assert refused(answer, "too_many_requests", 429)
    assert 800 < int(answer.headers["retry-after"]) <= 900
    with redis.Redis.from_url(fresh_redis) as client:
        kept = [str(name) for name in client.scan_iter()]
    assert not [name for name in kept if "example" in name or "203.0.113" in name]


def test_refreshing_rotates_and_the_access_tokens_of_the_session_stay_good(
    anybody: GatewayClient, tokens: Json
) -> None:
    second = anybody.call(REFRESH, {"refresh_token": tokens["refresh_token"]}).json
    assert second.keys() == tokens.keys()
    assert reach(anybody, second["access_token"]).status == 200
    assert reach(anybody, tokens["access_token"]).status == 200
    third = anybody.call(REFRESH, {"refresh_token": second["refresh_token"]})
    assert third.status == 200


def test_a_refresh_token_that_comes_again_ends_the_session_with_all_its_tokens(
    anybody: GatewayClient, tokens: Json
) -> None:
    second = anybody.call(REFRESH, {"refresh_token": tokens["refresh_token"]}).json
    assert refused(anybody.call(REFRESH, {"refresh_token": tokens["refresh_token"]}), "invalid_refresh_token")
    assert refused(anybody.call(REFRESH, {"refresh_token": second["refresh_token"]}), "invalid_refresh_token")
    for pair in (tokens, second):
        answer = reach(anybody, pair["access_token"])
        assert refused(answer, "invalid_token")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_of_fifty_who_refresh_with_one_token_at_once_one_wins_and_then_the_session_has_ended(
    anybody: GatewayClient, tokens: Json, fresh_database: str
) -> None:
    """Each has its own connection to PostgreSQL, as each Lambda environment has."""

    def refresh(_: int) -> str | None:
        database = Database(fresh_database)
        try:
            return refresh_session(
                tokens["refresh_token"],
                sessions=wiring.sessions(),
                accounts=AccountStore(database=database),
                tokens=wiring.access_tokens(),
                clock=servers_of.clock,
            ).access.text
        except Unauthenticated:
            return None
        finally:
            database.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        won = [token for token in pool.map(refresh, range(AT_ONCE)) if token]
    assert len(won) == 1
    assert refused(reach(anybody, won[0]), "invalid_token")
    assert refused(reach(anybody, tokens["access_token"]), "invalid_token")


def test_logging_out_kills_both_tokens_at_once_and_no_other_session(anybody: GatewayClient, tokens: Json) -> None:
    elsewhere = anybody.call(LOGIN, ADMIN).json
    answer = log_out(anybody, tokens)
    assert (answer.status, answer.body) == (204, b"")
    assert refused(reach(anybody, tokens["access_token"]), "invalid_token")
    assert refused(log_out(anybody, tokens), "invalid_token")
    assert refused(anybody.call(REFRESH, {"refresh_token": tokens["refresh_token"]}), "invalid_refresh_token")
    assert reach(anybody, elsewhere["access_token"]).status == 200


def test_a_person_has_no_scope_and_an_end_of_all_their_sessions(anybody: GatewayClient, backend: GatewayClient) -> None:
    ada = {"email": "ada@example.com", "password": "correct horse"}
    made = backend.call("POST /v1/users", ada | {"name": "Ada"})
    assert made.status == 201, made.body
    pairs = [anybody.call(LOGIN, ada | {"email": "ADA@example.com"}).json for _ in range(2)]
    assert refused(reach(anybody, pairs[0]["access_token"]), "insufficient_scope", 403)
    wiring.sessions().end_all(UUID(made.json["id"]))
    for pair in pairs:
        assert refused(reach(anybody, pair["access_token"]), "invalid_token")
        assert refused(anybody.call(REFRESH, {"refresh_token": pair["refresh_token"]}), "invalid_refresh_token")


def test_another_signing_key_logs_nobody_out(
    anybody: GatewayClient, tokens: Json, backend: GatewayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = json.loads(servers_of.settings().jwt_private_keys.get_secret_value())
    start_anew(monkeypatch, JWT_PRIVATE_KEYS=json.dumps({"second": signing_key(), **former}))
    assert [key["kid"] for key in anybody.call("GET /.well-known/jwks.json").json["keys"]] == ["second", "first"]
    assert reach(anybody, tokens["access_token"]).status == 200
    assert backend.call(NEEDS_ADMIN).status == 200
    renewed = anybody.call(REFRESH, {"refresh_token": tokens["refresh_token"]}).json
    newest = json.loads(servers_of.settings().jwt_private_keys.get_secret_value())
    start_anew(monkeypatch, JWT_PRIVATE_KEYS=json.dumps({"second": newest["second"]}))
    assert reach(anybody, renewed["access_token"]).status == 200
    assert refused(reach(anybody, tokens["access_token"]), "invalid_token")
    assert anybody.call(REFRESH, {"refresh_token": renewed["refresh_token"]}).status == 200


def test_without_redis_people_wait_and_clients_go_on(
    anybody: GatewayClient, tokens: Json, backend: GatewayClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_anew(monkeypatch, REDIS_URL=environment()["REDIS_URL"])
    for answer in (
        reach(anybody, tokens["access_token"]),
        anybody.call(LOGIN, ADMIN),
        anybody.call(REFRESH, {"refresh_token": tokens["refresh_token"]}),
        log_out(anybody, tokens),
    ):
        assert refused(answer, "cache_unavailable", 503)
        assert int(answer.headers["retry-after"]) > 0
    assert backend.call(NEEDS_ADMIN).status == 200
    assert anybody.call(TOKEN, CREDENTIALS).status == 200


def test_without_postgresql_a_refresh_token_stays_good(
    anybody: GatewayClient, tokens: Json, backend: GatewayClient, fresh_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert backend.call(NEEDS_ADMIN).status == 200
    start_anew(monkeypatch, DATABASE_URL=environment()["DATABASE_URL"])
    assert anybody.call(REFRESH, {"refresh_token": tokens["refresh_token"]}).status == 503
    assert anybody.call(LOGIN, ADMIN).status == 503
    assert refused(backend.call(NEEDS_ADMIN), "database_unavailable", 503)
    start_anew(monkeypatch, DATABASE_URL=fresh_database)
    assert anybody.call(REFRESH, {"refresh_token": tokens["refresh_token"]}).status == 200
