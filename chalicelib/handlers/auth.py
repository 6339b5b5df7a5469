"""/v1/auth: how a caller gets an access token."""

from chalice.app import Blueprint

from chalicelib import wiring
from chalicelib.handlers.answers import Answer, ok
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.request import NoQuery, Request
from chalicelib.handlers.schemas_auth import ClientCredentialsBody

routes = Blueprint(__name__)


@endpoint(routes, "POST /v1/auth/token", scope=None, body=ClientCredentialsBody, query=NoQuery)
def issue_token(request: Request[ClientCredentialsBody, NoQuery]) -> Answer:
    """An access token for an API client."""
    token = wiring.authenticate_client()(request.body.client_id, request.body.client_secret)
    return ok({"access_token": token.text, "token_type": "Bearer", "expires_in": token.expires_in_s})
