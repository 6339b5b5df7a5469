"""/v1/queues: how much waits, for how long, and whether somebody takes it."""

from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.domain.principal import Scope
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.handlers.schemas_queues import QueueListResource
from chalicelib.wiring import queues as wiring

routes = Blueprint(__name__)


@endpoint(
    routes,
    "GET /v1/queues",
    access=needs(Scope.ADMIN),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, QueueListResource),
    problems=(HTTPStatus.SERVICE_UNAVAILABLE,),
)
def list_queues(_request: Request[NoBody, NoQuery]) -> Answer:
    """Every queue as it is now. While RabbitMQ or PostgreSQL is away, what it would have said is null."""
    return ok(QueueListResource.of(wiring.inspect_queues()()))
