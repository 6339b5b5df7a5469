"""The shape of the HTTP application: every route is an endpoint, and nothing answers that the edge does not see."""

import inspect

import pytest
from chalice.app import RouteEntry

import app
from chalicelib.handlers.access import PUBLIC
from chalicelib.handlers.contract import contract_of
from chalicelib.handlers.doors import METHODS
from chalicelib.handlers.routes import RESOURCES, load_routes

PUBLIC_ROUTES = {
    *(
        "GET /health",
        "GET /health/ready",
        "GET /openapi.json",
        "GET /docs",
        "GET /docs/{asset}",
        "GET /.well-known/jwks.json",
    ),
    *("POST /v1/auth/login", "POST /v1/auth/refresh", "POST /v1/auth/token"),
}
"""What anybody may call, as the interface document names it: one more is a decision, and not an oversight."""

load_routes(app.app)
ENTRIES = [(path, method, entry) for path, methods in app.app.routes.items() for method, entry in methods.items()]
IDS = [f"{method} {path}" for path, method, _ in ENTRIES]


@pytest.mark.parametrize(("path", "method", "entry"), ENTRIES, ids=IDS)
def test_chalice_checks_no_media_type_so_that_the_edge_can(path: str, method: str, entry: RouteEntry) -> None:
    assert entry.content_types == []


@pytest.mark.parametrize(("path", "method", "entry"), ENTRIES, ids=IDS)
def test_every_route_enters_through_the_edge(path: str, method: str, entry: RouteEntry) -> None:
    module = inspect.getmodule(inspect.unwrap(entry.view_function))
    assert module is not None
    assert module.__name__ in {"chalicelib.handlers.http", "chalicelib.handlers.fallback"}


@pytest.mark.parametrize(("path", "method", "entry"), ENTRIES, ids=IDS)
def test_a_route_has_a_contract_and_with_it_a_rule_of_access_or_refuses(
    path: str, method: str, entry: RouteEntry
) -> None:
    contract = contract_of(entry.view_function)
    if contract is None:
        module = inspect.getmodule(inspect.unwrap(entry.view_function))
        assert module is not None
        assert module.__name__ == "chalicelib.handlers.fallback"
        return
    assert contract.route == f"{'GET' if method == 'HEAD' else method} {path}"
    assert contract.access.needs_token or contract.route in PUBLIC_ROUTES
    assert contract.access.needs_token or contract.access == PUBLIC


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_resource_declares_the_routes_that_it_is_loaded_for(resource: str) -> None:
    """It is loaded for these alone: one that the table lacks would never be found, one that it has in vain fails."""
    views = {
        contract.route: inspect.getclosurevars(inspect.unwrap(entry.view_function)).nonlocals["view"]
        for _, _, entry in ENTRIES
        if (contract := contract_of(entry.view_function)) is not None
    }
    declared = {route for route, view in views.items() if view.__module__ == f"chalicelib.handlers.{resource}"}
    assert declared == set(RESOURCES[resource])


def test_only_health_is_not_limited() -> None:
    unlimited = {
        contract.route
        for _, _, entry in ENTRIES
        if (contract := contract_of(entry.view_function)) is not None and not contract.limited
    }
    assert unlimited == {"GET /health", "GET /health/ready"}


@pytest.mark.parametrize("path", app.app.routes)
def test_every_path_answers_every_method(path: str) -> None:
    assert set(app.app.routes[path]) == {*METHODS, "OPTIONS"}


@pytest.mark.parametrize("path", app.app.routes)
def test_siblings_in_a_path_have_one_name_as_api_gateway_asks(path: str) -> None:
    """API Gateway refuses /users/{a} beside /users/{b}/devices."""
    names: dict[str, str] = {}
    for other in app.app.routes:
        prefix = ""
        for segment in other.split("/")[1:]:
            if segment.startswith("{") and not segment.endswith("+}"):
                assert names.setdefault(prefix, segment) == segment
            prefix += f"/{'{}' if segment.startswith('{') else segment}"
