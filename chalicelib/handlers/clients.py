"""/v1/clients: the backends that speak for themselves. For administrators."""

import re
from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.domain.principal import Scope
from chalicelib.errors import NotFound
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, created, no_content, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.paging import PageQuery, decode_cursor, encode_cursor
from chalicelib.handlers.request import BodyT, NoBody, NoQuery, QueryT, Request
from chalicelib.handlers.schemas_clients import ClientBody, ClientPageResource, ClientResource, ClientSecretResource
from chalicelib.wiring import auth as wiring

CLIENT = "/v1/clients/{client_id}"

_CLIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_LISTED = "clients"

routes = Blueprint(__name__)


@endpoint(
    routes,
    "POST /v1/clients",
    access=needs(Scope.ADMIN),
    body=ClientBody,
    query=NoQuery,
    success=Success(HTTPStatus.CREATED, ClientSecretResource),
)
def create_client(request: Request[ClientBody, NoQuery]) -> Answer:
    """Register an API client. The answer shows its secret, and nothing does afterwards."""
    made = wiring.create_client()(request.body.command(by=request.actor))
    return created(ClientSecretResource.with_secret(made), location=f"/v1/clients/{made.client.id}")


@endpoint(
    routes,
    "GET /v1/clients",
    access=needs(Scope.ADMIN),
    body=NoBody,
    query=PageQuery,
    success=Success(HTTPStatus.OK, ClientPageResource),
)
def list_clients(request: Request[NoBody, PageQuery]) -> Answer:
    """The API clients that were not revoked, newest first."""
    before = decode_cursor(request.query.cursor, of=_LISTED)
    found = wiring.list_clients()(before=before, limit=request.query.limit)
    next_cursor = encode_cursor(found.clients[-1].key, of=_LISTED) if found.more else None
    items = [ClientResource.of(client) for client in found.clients]
    return ok(ClientPageResource(items=items, next_cursor=next_cursor))


@endpoint(
    routes,
    f"GET {CLIENT}",
    access=needs(Scope.ADMIN),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, ClientResource),
)
def show_client(request: Request[NoBody, NoQuery]) -> Answer:
    """One API client."""
    return ok(ClientResource.of(wiring.find_client()(_client_id(request))))


@endpoint(
    routes,
    f"POST {CLIENT}/rotate",
    access=needs(Scope.ADMIN),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, ClientSecretResource),
)
def rotate_client(request: Request[NoBody, NoQuery]) -> Answer:
    """Give a client another secret. The one it had stays good for 24 hours; one from before that is dead at once."""
    return ok(ClientSecretResource.with_secret(wiring.rotate_client()(_client_id(request), by=request.actor)))


@endpoint(
    routes,
    f"DELETE {CLIENT}",
    access=needs(Scope.ADMIN),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.NO_CONTENT),
)
def revoke_client(request: Request[NoBody, NoQuery]) -> Answer:
    """Revoke a client: its secrets are dead at once, its access tokens within five seconds."""
    wiring.revoke_client()(_client_id(request), by=request.actor)
    return no_content()


def _client_id(request: Request[BodyT, QueryT]) -> str:
    """The client in the path. Raises: NotFound when it is the id of none."""
    client_id = request.path["client_id"]
    if client_id is None or not _CLIENT_ID.fullmatch(client_id):
        raise NotFound("There is no such client.", code="client_not_found")
    return client_id
