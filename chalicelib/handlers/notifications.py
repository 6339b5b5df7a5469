"""/v1/notifications: the promise, and how it is kept."""

from datetime import UTC, datetime
from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.domain.principal import Scope
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.handlers.schemas_notifications import NotificationBody, idempotency_of
from chalicelib.handlers.traced import notification_resource
from chalicelib.wiring import notifications as wiring

NOTIFICATIONS = "/v1/notifications"

routes = Blueprint(__name__)


@endpoint(
    routes,
    f"POST {NOTIFICATIONS}",
    access=needs(Scope.NOTIFICATIONS_SEND),
    body=NotificationBody,
    query=NoQuery,
    success=Success(HTTPStatus.ACCEPTED),
)
def send_notification(request: Request[NotificationBody, NoQuery]) -> Answer:
    """Accept a notification: what answers 202 is committed, and will reach one honest end."""
    command = request.body.command(
        client_id=request.client.name,
        correlation_id=request.correlation_id,
        idempotency=idempotency_of(request.headers, fingerprint=request.fingerprint),
        now=datetime.now(UTC),
    )
    accepted = wiring.accept()(command)
    replayed = {"Idempotent-Replayed": "true"} if accepted.replayed else {}
    location = {"Location": f"{NOTIFICATIONS}/{accepted.notification_id}"}
    return Answer(HTTPStatus.ACCEPTED, accepted.answer, location | replayed)


@endpoint(
    routes,
    f"GET {NOTIFICATIONS}/{{notification_id}}",
    access=needs(Scope.NOTIFICATIONS_READ),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK),
)
def read_notification(request: Request[NoBody, NoQuery]) -> Answer:
    """A notification, its deliveries, and everything that happened to them."""
    traced = wiring.trace()(request.path_id("notification_id"))
    return ok(notification_resource(traced))
