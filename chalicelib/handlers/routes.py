"""Every HTTP route of the application, and in which module it is declared.

A module is imported when the first request for one of its routes comes: a cold start pays for what it answers, and not
for the models of all resources, which would take longer to import than everything else together.
"""

import threading
from collections.abc import Mapping
from functools import partial
from importlib import import_module

from chalice.app import Chalice

from chalicelib.handlers.doors import METHODS, UNKNOWN_PATHS, add_door, remove_door, with_head

RESOURCES: Mapping[str, tuple[str, ...]] = {
    "audit": ("GET /v1/audit",),
    "auth": (
        "POST /v1/auth/login",
        "POST /v1/auth/refresh",
        "POST /v1/auth/logout",
        "POST /v1/auth/token",
        "GET /.well-known/jwks.json",
    ),
    "batch": ("POST /v1/notifications/batch",),
    "circuits": ("GET /v1/circuits", "POST /v1/circuits/{name}/reset"),
    "clients": (
        "POST /v1/clients",
        "GET /v1/clients",
        "GET /v1/clients/{client_id}",
        "DELETE /v1/clients/{client_id}",
        "POST /v1/clients/{client_id}/rotate",
    ),
    "devices": (
        "GET /v1/users/{user_id}/devices",
        "POST /v1/users/{user_id}/devices",
        "DELETE /v1/users/{user_id}/devices/{device_id}",
    ),
    "docs": ("GET /openapi.json", "GET /docs", "GET /docs/{asset}"),
    "failed": (
        "GET /v1/failed",
        "GET /v1/failed/{failure_id}",
        "DELETE /v1/failed/{failure_id}",
        "POST /v1/failed/{failure_id}/replay",
        "POST /v1/failed/replay",
    ),
    "health": ("GET /health", "GET /health/ready"),
    "notification_list": ("GET /v1/notifications",),
    "notifications": (
        "POST /v1/notifications",
        "GET /v1/notifications/{notification_id}",
        "POST /v1/notifications/{notification_id}/cancel",
    ),
    "preferences": ("GET /v1/users/{user_id}/preferences", "PUT /v1/users/{user_id}/preferences"),
    "queues": ("GET /v1/queues",),
    "template_versions": (
        "POST /v1/templates/{code}/versions",
        "GET /v1/templates/{code}/versions",
        "GET /v1/templates/{code}/versions/{number}",
        "POST /v1/templates/{code}/versions/{number}/publish",
    ),
    "templates": (
        "POST /v1/templates",
        "GET /v1/templates",
        "GET /v1/templates/{code}",
        "PATCH /v1/templates/{code}",
        "DELETE /v1/templates/{code}",
        "POST /v1/templates/{code}/preview",
        "GET /v1/templates/{code}/missing-translations",
    ),
    "users": (
        "POST /v1/users",
        "GET /v1/users",
        "GET /v1/users/{user_id}",
        "PATCH /v1/users/{user_id}",
        "DELETE /v1/users/{user_id}",
    ),
}
"""The blueprint `routes` of each module of this package declares exactly these; GET brings HEAD with it."""


_FALLBACK = "fallback"


def register_routes(app: Chalice) -> None:
    """Add a door for each route, and then for what is no route."""
    for resource, routes in RESOURCES.items():
        for path, methods in map(_split, routes):
            add_door(app, path, methods, name=resource, load=partial(_load, app, resource))
    for path, methods in _refused():
        add_door(app, path, methods, name=_FALLBACK, load=partial(_load_fallbacks, app))


def load_routes(app: Chalice) -> None:
    """Import every resource at once, for whoever looks at all of them."""
    for resource in RESOURCES:
        _load(app, resource)
    _load_fallbacks(app)


def _load(app: Chalice, resource: str) -> None:
    declared = import_module(f"{__package__}.{resource}").routes
    with _one_at_a_time:
        if [route for route in RESOURCES[resource] if remove_door(app, *_split(route))]:
            app.register_blueprint(declared)


def _load_fallbacks(app: Chalice) -> None:
    fallback = import_module(f"{__package__}.{_FALLBACK}")
    with _one_at_a_time:
        if [path for path, methods in _refused() if remove_door(app, path, methods)]:
            fallback.register_fallbacks(app)


def _refused() -> list[tuple[str, list[str]]]:
    """Every path with the methods that no resource has there, and again with OPTIONS, which is answered otherwise."""
    known: dict[str, set[str]] = {path: set() for path in UNKNOWN_PATHS}
    for routes in RESOURCES.values():
        for path, methods in map(_split, routes):
            known.setdefault(path, set()).update(methods)
    refused = ((path, [method for method in METHODS if method not in known[path]]) for path in known)
    return [(path, methods) for path, methods in refused if methods] + [(path, ["OPTIONS"]) for path in known]


def _split(route: str) -> tuple[str, list[str]]:
    method, path = route.split(" ", 1)
    return path, with_head(method)


_one_at_a_time = threading.Lock()
