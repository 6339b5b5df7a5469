"""POST /v1/notifications/batch: many notifications in one request, each as if it had been posted alone."""

from datetime import UTC, datetime
from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.domain.principal import Scope
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.notifications import NOTIFICATIONS
from chalicelib.handlers.request import NoQuery, Request
from chalicelib.handlers.schemas_batch import BatchAnswer, BatchBody, BatchItemAnswer, refuse_idempotency_key
from chalicelib.handlers.schemas_notifications import owner_of
from chalicelib.wiring import notifications as wiring

MAX_BATCH_BYTES = 5 * 1024 * 1024

routes = Blueprint(__name__)


@endpoint(
    routes,
    f"POST {NOTIFICATIONS}/batch",
    access=needs(Scope.NOTIFICATIONS_SEND),
    body=BatchBody,
    query=NoQuery,
    success=Success(HTTPStatus.ACCEPTED, BatchAnswer),
    max_body_bytes=MAX_BATCH_BYTES,
)
def send_batch(request: Request[BatchBody, NoQuery]) -> Answer:
    """Accept up to 500 notifications. Each has the status that it would have been answered alone.

    The pointers of an item's problem begin at the item. 503 only when a service was away and nothing was stored.
    """
    refuse_idempotency_key(request.headers)
    parsed = request.body.commands(
        client_id=owner_of(request.client), correlation_id=request.correlation_id, now=datetime.now(UTC)
    )
    outcomes = wiring.accept_batch()(parsed)
    items = [BatchItemAnswer.of(*one, correlation_id=request.correlation_id) for one in enumerate(outcomes)]
    return Answer(HTTPStatus.ACCEPTED, BatchAnswer(items=items))
