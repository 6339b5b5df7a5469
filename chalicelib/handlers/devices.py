"""/v1/users/{id}/devices: where a person's pushes are shown."""

from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.domain.principal import Scope
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, created, no_content, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.paging import PageQuery, decode_cursor, encode_cursor
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.handlers.schemas_devices import DeviceBody, DeviceList, DeviceResource
from chalicelib.wiring import people as wiring

DEVICES = "/v1/users/{user_id}/devices"

routes = Blueprint(__name__)


@endpoint(
    routes,
    f"GET {DEVICES}",
    access=needs(Scope.USERS_READ, or_own=True),
    body=NoBody,
    query=PageQuery,
    success=Success(HTTPStatus.OK, DeviceList),
)
def list_devices(request: Request[NoBody, PageQuery]) -> Answer:
    """A person's devices, newest first."""
    user_id = request.path_id("user_id")
    listed = f"devices of {user_id}"
    before = decode_cursor(request.query.cursor, of=listed)
    found = wiring.list_devices()(user_id, before=before, limit=request.query.limit)
    next_cursor = encode_cursor(found.devices[-1].id, of=listed) if found.more else None
    return ok(DeviceList(items=[DeviceResource.of(device) for device in found.devices], next_cursor=next_cursor))


@endpoint(
    routes,
    f"POST {DEVICES}",
    access=needs(Scope.USERS_WRITE, or_own=True),
    body=DeviceBody,
    query=NoQuery,
    success=Success(HTTPStatus.CREATED, DeviceResource, headers=("Location",)),
    problems=(HTTPStatus.CONFLICT,),
)
def register_device(request: Request[DeviceBody, NoQuery]) -> Answer:
    """Register a device, or take it over from its former registrant.

    A person has at most 100 devices: 409 `too_many_devices`. Registering one of theirs again is always possible.
    """
    device = wiring.register_device()(request.body.command(request.path_id("user_id"), by=request.actor))
    return created(DeviceResource.of(device), location=f"/v1/users/{device.user_id}/devices/{device.id}")


@endpoint(
    routes,
    f"DELETE {DEVICES}/{{device_id}}",
    access=needs(Scope.USERS_WRITE, or_own=True),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.NO_CONTENT),
)
def forget_device(request: Request[NoBody, NoQuery]) -> Answer:
    """Send no more pushes to a device."""
    wiring.forget_device()(request.path_id("user_id"), request.path_id("device_id"), by=request.actor)
    return no_content()
