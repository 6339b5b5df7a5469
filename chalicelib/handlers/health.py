"""/health: whether the function lives, and whether a notification can be accepted."""

from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.handlers.access import PUBLIC
from chalicelib.handlers.answers import Answer, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.wiring import operations as wiring

routes = Blueprint(__name__)


@endpoint(
    routes, "GET /health", access=PUBLIC, body=NoBody, query=NoQuery, success=Success(HTTPStatus.OK), limited=False
)
def alive(_request: Request[NoBody, NoQuery]) -> Answer:
    """Touches nothing but this process."""
    return ok({"status": "ok"})


@endpoint(
    routes,
    "GET /health/ready",
    access=PUBLIC,
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK),
    limited=False,
)
def ready(_request: Request[NoBody, NoQuery]) -> Answer:
    """Each dependency with its latency; 503 when accepting is impossible, not when it is only slower."""
    health = wiring.check_health()()
    dependencies = {
        name: {"status": "up" if dependency.available else "down", "latency_ms": dependency.latency_ms}
        for name, dependency in health.dependencies.items()
    }
    status = HTTPStatus.OK if health.ready else HTTPStatus.SERVICE_UNAVAILABLE
    retry = {} if health.ready else {"Retry-After": "5"}
    return Answer(status, {"status": "ready" if health.ready else "unavailable", "dependencies": dependencies}, retry)
