"""/health: whether the function lives, and whether a notification can be accepted."""

from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.handlers.access import PUBLIC
from chalicelib.handlers.answers import Answer, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.handlers.schemas_health import AliveResource, ReadinessResource
from chalicelib.wiring import operations as wiring

RETRY_AFTER_S = "5"

routes = Blueprint(__name__)


@endpoint(
    routes,
    "GET /health",
    access=PUBLIC,
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, AliveResource),
    limited=False,
)
def alive(_request: Request[NoBody, NoQuery]) -> Answer:
    """Touches nothing but this process."""
    return ok(AliveResource())


@endpoint(
    routes,
    "GET /health/ready",
    access=PUBLIC,
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, ReadinessResource),
    problems=(HTTPStatus.SERVICE_UNAVAILABLE,),
    limited=False,
)
def ready(_request: Request[NoBody, NoQuery]) -> Answer:
    """Each dependency with its latency, and the circuits; 503 when accepting is impossible, not when it is slower.

    Each process asks its dependencies once a second at most.
    """
    health = wiring.check_health()()
    status = HTTPStatus.OK if health.ready else HTTPStatus.SERVICE_UNAVAILABLE
    return Answer(status, ReadinessResource.of(health), {} if health.ready else {"Retry-After": RETRY_AFTER_S})
