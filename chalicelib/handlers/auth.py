"""/v1/auth: how a caller gets an access token."""

from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.handlers.access import PUBLIC
from chalicelib.handlers.answers import Answer, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.request import NoQuery, Request
from chalicelib.handlers.schemas_auth import ClientCredentialsBody
from chalicelib.wiring import auth as wiring

routes = Blueprint(__name__)


@endpoint(
    routes,
    "POST /v1/auth/token",
    access=PUBLIC,
    body=ClientCredentialsBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK),
)
def issue_token(request: Request[ClientCredentialsBody, NoQuery]) -> Answer:
    """An access token for an API client."""
    token = wiring.authenticate_client()(request.body.client_id, request.body.client_secret)
    return ok({"access_token": token.text, "token_type": "Bearer", "expires_in": token.expires_in_s})
