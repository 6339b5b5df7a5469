"""The shape of the HTTP application: every route is an endpoint, and nothing answers that the edge does not see."""

import inspect

import pytest
from chalice.app import RouteEntry

import app
from chalicelib.handlers.fallback import METHODS

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


@pytest.mark.parametrize("path", app.app.routes)
def test_every_path_answers_every_method(path: str) -> None:
    assert set(app.app.routes[path]) == set(METHODS)


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
