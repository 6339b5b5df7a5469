"""/v1/circuits: what is left alone because it failed too often."""

from http import HTTPStatus

from chalice.app import Blueprint

from chalicelib.domain.principal import Scope
from chalicelib.errors import NotFound
from chalicelib.handlers.access import needs
from chalicelib.handlers.answers import Answer, ok
from chalicelib.handlers.contract import Success
from chalicelib.handlers.http import endpoint
from chalicelib.handlers.request import NoBody, NoQuery, Request
from chalicelib.handlers.schemas_circuits import CircuitListResource, CircuitResource
from chalicelib.wiring import operations as wiring

routes = Blueprint(__name__)


@endpoint(
    routes,
    "GET /v1/circuits",
    access=needs(Scope.ADMIN),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, CircuitListResource),
)
def list_circuits(_request: Request[NoBody, NoQuery]) -> Answer:
    """Every circuit breaker: PostgreSQL's, RabbitMQ's, and one of each provider."""
    return ok(CircuitListResource(items=[CircuitResource.of(report) for report in wiring.list_circuits()()]))


@endpoint(
    routes,
    "POST /v1/circuits/{name}/reset",
    access=needs(Scope.ADMIN),
    body=NoBody,
    query=NoQuery,
    success=Success(HTTPStatus.OK, CircuitResource),
    problems=(HTTPStatus.NOT_FOUND,),
)
def reset_circuit(request: Request[NoBody, NoQuery]) -> Answer:
    """Close a circuit for everybody, without waiting for its probe."""
    name = request.path["name"]
    if name is None:
        raise NotFound("There is no such circuit.")
    return ok(CircuitResource.of(wiring.reset_circuit()(name, by=request.actor)))
