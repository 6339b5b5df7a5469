"""/v1/users: who notifications are for."""

from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.domain.principal import Scope
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, created, no_content, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.paging import decode_cursor, encode_cursor
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.handlers.schemas_users import UserBody, UserList, UserPatch, UserQuery, UserResource, is_admin
from chalicelib.services.erase_user import EraseUser
from chalicelib.wiring import people as wiring

USERS = "/v1/users"
USER = f"{USERS}/{{user_id}}"

routes = Blueprint(__name__)


@endpoint(
    routes,
    f"POST {USERS}",
    access=needs(Scope.USERS_WRITE),
    body=UserBody,
    query=NoQuery,
    success=Success(HTTPStatus.CREATED, UserResource, headers=("Location", "ETag")),
    problems=(HTTPStatus.CONFLICT,),
)
def create_user(request: Request[UserBody, NoQuery]) -> Answer:
    """Register a person."""
    user = wiring.create_user()(request.body.command(by=request.actor, may_make_admins=is_admin(request.client)))
    return created(UserResource.of(user), location=f"{USERS}/{user.id}", revision=user.revision)


@endpoint(
    routes,
    f"GET {USERS}",
    access=needs(Scope.USERS_READ),
    body=NoBody,
    query=UserQuery,
    success=Success(HTTPStatus.OK, UserList),
)
def list_users(request: Request[NoBody, UserQuery]) -> Answer:
    """People, newest first."""
    wanted = request.query.wanted
    before = decode_cursor(request.query.cursor, of=f"users {wanted}")
    found = wiring.list_users()(wanted, before=before, limit=request.query.limit)
    next_cursor = encode_cursor(found.users[-1].id, of=f"users {wanted}") if found.more else None
    return ok(UserList(items=[UserResource.of(user) for user in found.users], next_cursor=next_cursor))


@endpoint(
    routes,
    f"GET {USER}",
    access=needs(Scope.USERS_READ, or_own=True),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, UserResource, headers=("ETag",)),
)
def get_user(request: Request[NoBody, NoQuery]) -> Answer:
    """Look at a person."""
    user = wiring.find_user()(request.path_id("user_id"))
    return ok(UserResource.of(user), revision=user.revision)


@endpoint(
    routes,
    f"PATCH {USER}",
    access=needs(Scope.USERS_WRITE, or_own=True),
    body=UserPatch,
    query=NoQuery,
    success=Success(HTTPStatus.OK, UserResource, headers=("ETag",)),
    problems=(HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED),
    request_headers=("If-Match",),
)
def change_user(request: Request[UserPatch, NoQuery]) -> Answer:
    """Change a person.

    Oneself, without a scope: name, password, locale and time zone. Another password ends all of the person's sessions.
    Who is made an administrator loses their password, unless it is set in the same request. The last administrator
    stays one: 409 `last_administrator`.
    """
    user = wiring.change_user()(
        request.body.command(
            request.path_id("user_id"),
            by=request.actor,
            if_match=request.if_match,
            only_own=request.only_own is not None,
            is_by_admin=is_admin(request.client),
        )
    )
    return ok(UserResource.of(user), revision=user.revision)


@endpoint(
    routes,
    f"DELETE {USER}",
    access=needs(Scope.USERS_WRITE, or_own=True),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.NO_CONTENT),
    problems=(HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED),
    request_headers=("If-Match",),
)
def erase_user(request: Request[NoBody, NoQuery]) -> Answer:
    """Erase a person.

    What is not being sent is cancelled; addresses, devices, preferences, variables and metadata are erased; sessions
    end. Deliveries stay, of nobody. The last administrator is not erased: 409 `last_administrator`.
    """
    command = EraseUser(
        user_id=request.path_id("user_id"),
        by=request.actor,
        if_match=request.if_match,
        may_erase_admins=is_admin(request.client),
    )
    wiring.erase_user()(command)
    return no_content()
