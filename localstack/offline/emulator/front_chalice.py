"""A Chalice application seen as an API: its resources, binary types and CORS preflights. Chalice is not imported."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from offline.emulator.context import LambdaContext
from offline.emulator.front_resources import Resource
from offline.emulator.gateway_event import Event


class Cors(Protocol):
    """What Chalice's CORSConfig offers."""

    def get_access_control_headers(self) -> Mapping[str, str]:
        """The Access-Control headers but for the methods."""
        ...


class Route(Protocol):
    """What the front needs of Chalice's RouteEntry."""

    cors: Cors | None


class Api(Protocol):
    """What the front needs of Chalice's APIGateway."""

    binary_types: Sequence[str]


class ChaliceApp(Protocol):
    """What the front needs of a Chalice object."""

    routes: Mapping[str, Mapping[str, Route]]
    api: Api

    def __call__(self, event: Event, context: LambdaContext) -> object:
        """The function's entry point."""
        ...


def load_app(reference: str) -> ChaliceApp:
    """The application that `module:attribute` names. Raises: ValueError, ImportError, AttributeError."""
    module_name, colon, attribute = reference.partition(":")
    if not colon:
        raise ValueError(f"an application is named module:attribute, not {reference!r}")
    return cast(ChaliceApp, getattr(importlib.import_module(module_name), attribute))


def resources_of(app: ChaliceApp) -> tuple[Resource, ...]:
    """One resource for each routed path."""
    return tuple(
        Resource(path=path, methods=frozenset(routes), preflight_headers=_preflight_headers(routes))
        for path, routes in app.routes.items()
    )


def _preflight_headers(routes: Mapping[str, Route]) -> Mapping[str, str] | None:
    """Chalice deploys an OPTIONS mock for a path with CORS, unless the application routes OPTIONS itself."""
    cors_by_method = {method: route.cors for method, route in routes.items() if route.cors}
    cors = next(iter(cors_by_method.values()), None)
    if cors is None or "OPTIONS" in routes:
        return None
    return {
        **cors.get_access_control_headers(),
        "Access-Control-Allow-Methods": ",".join([*cors_by_method, "OPTIONS"]),
    }
