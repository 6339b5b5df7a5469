"""/v1/notifications: the promise, how it is kept, and how it is taken back."""

from datetime import UTC, datetime
from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.domain.principal import Scope
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.handlers.schemas_notifications import NotificationBody, idempotency_of, owner_of
from chalicelib.handlers.traced import NotificationResource, PromisedNotification
from chalicelib.services.cancel import Cancel
from chalicelib.wiring import notifications as wiring

NOTIFICATIONS = "/v1/notifications"

routes = Blueprint(__name__)


@endpoint(
    routes,
    f"POST {NOTIFICATIONS}",
    access=needs(Scope.NOTIFICATIONS_SEND),
    body=NotificationBody,
    query=NoQuery,
    success=Success(HTTPStatus.ACCEPTED, PromisedNotification, headers=("Location", "Idempotent-Replayed")),
    problems=(HTTPStatus.CONFLICT,),
    request_headers=("Idempotency-Key",),
)
def send_notification(request: Request[NotificationBody, NoQuery]) -> Answer:
    """Accept a notification: what answers 202 is committed, and will reach one honest end."""
    command = request.body.command(
        client_id=owner_of(request.client),
        correlation_id=request.correlation_id,
        idempotency=idempotency_of(request.headers, fingerprint=request.fingerprint),
        now=datetime.now(UTC),
    )
    accepted = wiring.accept()(command)
    replayed = {"Idempotent-Replayed": "true"} if accepted.replayed else {}
    location = {"Location": f"{NOTIFICATIONS}/{accepted.notification_id}"}
    return Answer(HTTPStatus.ACCEPTED, PromisedNotification.of(accepted.answer), location | replayed)


@endpoint(
    routes,
    f"GET {NOTIFICATIONS}/{{notification_id}}",
    access=needs(Scope.NOTIFICATIONS_READ, or_own=True),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, NotificationResource),
)
def read_notification(request: Request[NoBody, NoQuery]) -> Answer:
    """A notification, its deliveries, and everything that happened to them, two seconds ago at most."""
    traced = wiring.trace()(request.path_id("notification_id"), only_own=request.only_own)
    return ok(NotificationResource.of(traced))


@endpoint(
    routes,
    f"POST {NOTIFICATIONS}/{{notification_id}}/cancel",
    access=needs(Scope.NOTIFICATIONS_SEND),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, NotificationResource),
    problems=(HTTPStatus.CONFLICT,),
)
def cancel_notification(request: Request[NoBody, NoQuery]) -> Answer:
    """Stop whatever has not been sent; 409 when nothing can be stopped any more.

    A delivery that is being sent at this moment finishes its attempt, and is not tried again.
    """
    traced = wiring.cancel()(Cancel(request.path_id("notification_id"), by=request.actor))
    return ok(NotificationResource.of(traced))
