"""/v1/users/{user_id}/preferences: what a person wants to get."""

from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.domain.principal import Scope
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.handlers.schemas_preferences import PreferencesBody, PreferencesResource
from chalicelib.wiring import people as wiring

PREFERENCES = "/v1/users/{user_id}/preferences"

routes = Blueprint(__name__)


@endpoint(
    routes,
    f"GET {PREFERENCES}",
    access=needs(Scope.USERS_READ, or_own=True),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, PreferencesResource, headers=("ETag",)),
)
def get_preferences(request: Request[NoBody, NoQuery]) -> Answer:
    """Look at what a person wants."""
    record = wiring.find_preferences()(request.path_id("user_id"))
    return ok(PreferencesResource.of(record), revision=record.revision)


@endpoint(
    routes,
    f"PUT {PREFERENCES}",
    access=needs(Scope.USERS_WRITE, or_own=True),
    body=PreferencesBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, PreferencesResource, headers=("ETag",)),
    problems=(HTTPStatus.PRECONDITION_FAILED,),
    request_headers=("If-Match",),
)
def replace_preferences(request: Request[PreferencesBody, NoQuery]) -> Answer:
    """Say what a person wants from now on.

    It is heeded within five seconds, also by what was accepted before. Quiet hours delay, and drop nothing.
    """
    user_id, body = request.path_id("user_id"), request.body
    command = body.command(user_id, by=request.actor, if_match=request.if_match)
    record = wiring.replace_preferences()(command)
    return ok(PreferencesResource.of(record), revision=record.revision)
