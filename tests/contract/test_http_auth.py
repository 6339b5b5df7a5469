"""What the routes of authentication take, and what they answer while no server can be asked."""

import base64
import json
from datetime import UTC, datetime
from uuid import uuid4

import jwt
import pytest
from chalice.app import Chalice
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chalicelib.domain.principal import Principal, Scope
from chalicelib.wiring import auth as wiring
from tests.gateway_client import GatewayClient
from tests.requests_of_a_backend import BODIES, SCOPES, SOMEBODY, assert_problem, with_scopes

LOGIN, REFRESH, CLIENTS = "POST /v1/auth/login", "POST /v1/auth/refresh", "POST /v1/clients"


def a_person(*scopes: Scope) -> str:
    somebody = Principal(str(uuid4()), frozenset(scopes), session_id="a-session")
    return wiring.access_tokens().issue(somebody, at=datetime.now(UTC))


@pytest.mark.parametrize("route", SCOPES)
def test_a_token_whose_client_or_session_cannot_be_asked_for_is_503(forsaken_app: Chalice, route: str) -> None:
    for client in (with_scopes(forsaken_app, *Scope), GatewayClient(forsaken_app, token=a_person(*Scope))):
        answer = client.call(route, BODIES.get(route))
        assert_problem(answer, 503)
        assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("token", ["e30.e30.e30", "x", ""])
def test_a_token_that_does_not_hold_is_401_whatever_is_away(forsaken_app: Chalice, token: str) -> None:
    assert_problem(GatewayClient(forsaken_app, token=token).call("POST /v1/auth/logout"), 401)


def test_without_redis_a_session_cannot_be_begun_or_carried_on_or_ended(forsaken_app: Chalice) -> None:
    for route in (LOGIN, REFRESH):
        assert_problem(GatewayClient(forsaken_app).call(route, BODIES[route]), 503)
    assert_problem(GatewayClient(forsaken_app, token=a_person()).call("POST /v1/auth/logout"), 503)


def test_a_client_has_no_session_to_log_out_of(client: GatewayClient) -> None:
    assert_problem(client.call("POST /v1/auth/logout"), 403)


@pytest.mark.parametrize(
    ("route", "change", "pointer"),
    [
        (LOGIN, {"email": "ada"}, "/email"),
        (LOGIN, {"password": ""}, "/password"),
        (LOGIN, {"password": None}, "/password"),
        (REFRESH, {"refresh_token": ""}, "/refresh_token"),
        (REFRESH, {"refresh_token": 7}, "/refresh_token"),
        (CLIENTS, {"name": "two\nlines"}, "/name"),
        (CLIENTS, {"scopes": []}, "/scopes"),
        (CLIENTS, {"scopes": ["everything"]}, "/scopes/0"),
        (CLIENTS, {"scopes": ["admin", "admin"]}, "/scopes"),
        (CLIENTS, {"scopes": "admin"}, "/scopes"),
        (CLIENTS, {"rate_limit": "0/minute"}, "/rate_limit"),
        (CLIENTS, {"rate_limit": "100 per minute"}, "/rate_limit"),
        (CLIENTS, {"rate_limit": "100/minute\n"}, "/rate_limit"),
        (CLIENTS, {"rate_limit": 100}, "/rate_limit"),
        (CLIENTS, {"client_secret": "mine"}, "/client_secret"),
    ],
    ids=str,
)
def test_what_cannot_be(client: GatewayClient, route: str, change: dict[str, object], pointer: str) -> None:
    answer = client.call(route, {**BODIES[route], **change})
    assert_problem(answer, 422)
    assert answer.pointers == {pointer}


@pytest.mark.parametrize("change", [{"rate_limit": None}, {"rate_limit": "100/15 minutes"}, {"scopes": list(Scope)}])
def test_a_client_that_can_be(client: GatewayClient, change: dict[str, object]) -> None:
    assert client.call(CLIENTS, {**BODIES[CLIENTS], **change}).status == 503


def test_the_published_keys_verify_the_tokens_and_may_be_cached(forsaken_app: Chalice) -> None:
    answer = GatewayClient(forsaken_app).call("GET /.well-known/jwks.json")
    assert (answer.status, answer.headers["cache-control"]) == (200, "public, max-age=300")
    (key,) = answer.json["keys"]
    assert {name: key[name] for name in ("kty", "crv", "alg", "use")} == {
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
    }  # fmt: skip
    assert "d" not in key
    token = a_person()
    assert jwt.get_unverified_header(token)["kid"] == key["kid"]
    raw = base64.urlsafe_b64decode(key["x"] + "=")
    public = Ed25519PublicKey.from_public_bytes(raw)
    assert jwt.decode(token, public, algorithms=["EdDSA"], audience="carillon")["sid"] == "a-session"
    from_jwk = jwt.PyJWK.from_json(json.dumps(key)).key
    assert jwt.decode(token, from_jwk, algorithms=["EdDSA"], audience="carillon")["sid"] == "a-session"


def test_a_person_without_scopes_reaches_no_client(app: Chalice) -> None:
    assert_problem(GatewayClient(app, token=a_person()).call(f"GET /v1/clients/{SOMEBODY}"), 403)
