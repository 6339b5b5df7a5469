"""/v1/users: people."""

from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.domain.principal import Scope
from chalicelib.domain.user import User
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, Resource, created, timestamp
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.request import NoQuery, Request
from chalicelib.handlers.schemas_users import UserBody
from chalicelib.wiring import people as wiring

routes = Blueprint(__name__)


@endpoint(
    routes,
    "POST /v1/users",
    access=needs(Scope.USERS_WRITE),
    body=UserBody,
    query=NoQuery,
    success=Success(HTTPStatus.CREATED),
)
def create_user(request: Request[UserBody, NoQuery]) -> Answer:
    """Register a person."""
    user = wiring.create_user()(request.body.command())
    return created(user_resource(user), location=f"/v1/users/{user.id}", revision=user.revision)


def user_resource(user: User) -> Resource:
    return {
        "id": str(user.id),
        "email": user.email,
        "name": user.name,
        "locale": user.locale,
        "timezone": user.timezone,
        "external_id": user.external_id,
        "created_at": timestamp(user.created_at),
        "updated_at": timestamp(user.updated_at),
    }
