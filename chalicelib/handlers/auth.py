"""/v1/auth: how a caller gets an access token, and gives it up; and the keys that tokens are verified with."""

from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.handlers.access import PUBLIC, SESSION
from chalicelib.handlers.answers import Answer, no_content, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.handlers.schemas_auth import (
    AccessTokenAnswer,
    ClientCredentialsBody,
    KeySet,
    LoginBody,
    PublicKey,
    RefreshBody,
    SessionTokensAnswer,
)
from chalicelib.services.limit_rate import site_of
from chalicelib.wiring import auth as wiring

KEYS_MAX_AGE_S = 300

routes = Blueprint(__name__)


@endpoint(
    routes,
    "POST /v1/auth/login",
    access=PUBLIC,
    body=LoginBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, SessionTokensAnswer),
    problems=(HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE),
)
def log_in(request: Request[LoginBody, NoQuery]) -> Answer:
    """Begin a session. Logins that fail are limited per account and per address."""
    tokens = wiring.log_in()(request.body.command(network=site_of(request.source_ip)))
    return ok(SessionTokensAnswer.of(tokens))


@endpoint(
    routes,
    "POST /v1/auth/refresh",
    access=PUBLIC,
    body=RefreshBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, SessionTokensAnswer),
    problems=(HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE),
)
def refresh(request: Request[RefreshBody, NoQuery]) -> Answer:
    """Carry a session on. A refresh token is good once; one that comes again ends the session."""
    return ok(SessionTokensAnswer.of(wiring.refresh_session()(request.body.refresh_token)))


@endpoint(
    routes,
    "POST /v1/auth/logout",
    access=SESSION,
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.NO_CONTENT),
)
def log_out(request: Request[NoBody, NoQuery]) -> Answer:
    """End the session of the access token: it and the refresh token are dead with the answer."""
    wiring.log_out()(request.client)
    return no_content()


@endpoint(
    routes,
    "POST /v1/auth/token",
    access=PUBLIC,
    body=ClientCredentialsBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, AccessTokenAnswer),
    problems=(HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE),
)
def issue_token(request: Request[ClientCredentialsBody, NoQuery]) -> Answer:
    """An access token for an API client."""
    token = wiring.authenticate_client()(request.body.client_id, request.body.client_secret)
    return ok(AccessTokenAnswer.of(token))


@endpoint(
    routes,
    "GET /.well-known/jwks.json",
    access=PUBLIC,
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, KeySet, headers=("Cache-Control",)),
)
def list_keys(_request: Request[NoBody, NoQuery]) -> Answer:
    """The public keys that access tokens are verified with."""
    keys = [PublicKey(kid=kid, x=x) for kid, x in wiring.public_keys().items()]
    return Answer(HTTPStatus.OK, KeySet(keys=keys), {"Cache-Control": f"public, max-age={KEYS_MAX_AGE_S}"})
