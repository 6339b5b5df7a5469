"""The whole document: every route of an application, and the components that the routes share."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from chalice.app import Chalice
from pydantic import BaseModel

from chalicelib.handlers.contract import AnyContract, contract_of
from chalicelib.handlers.openapi.headers import header_components
from chalicelib.handlers.openapi.links import Linkable, links_of
from chalicelib.handlers.openapi.operations import BEARER, operation_of, problem_name
from chalicelib.handlers.openapi.problems import Problem, problem_response, statuses_of
from chalicelib.handlers.openapi.schemas import Json, Schemas
from chalicelib.handlers.routes import load_routes

DOCUMENT = Path(__file__).parents[2] / "openapi.json"
"""Where the document is committed."""

TAGS = {
    "auth": "Access tokens: for API clients, and for people in sessions.",
    "clients": "API clients: who may call, with which scopes and at which rate.",
    "users": "People, their preferences and their devices.",
    "templates": "What notifications say, in versions, channels and languages.",
    "notifications": "The promise, and how it is kept.",
    "failed": "Deliveries that failed for good: look at them, replay them, discard them.",
    "audit": "Who changed what.",
    "operations": "How the system is.",
    "documentation": "This document, and a page to read it.",
}
_OPERATIONS = frozenset({"health", "circuits", "queues"})
_DOCUMENTATION = frozenset({"openapi.json", "docs"})

_DESCRIPTION = """Carillon sends a product's notifications, e-mail and push.

A 202 is a promise: it is given only after the notification is committed, and every accepted notification reaches one \
honest end. Every error is a problem document (RFC 9457). Lists are newest first and paged by cursor. Unknown fields \
and query parameters are refused. Every GET answers HEAD too; a method that a resource lacks is 405 with `Allow`."""

_BEARER: Json = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token of POST /v1/auth/token (an API client) or POST /v1/auth/login (a person); good for "
    "15 minutes. The scopes of an operation are those of which the token needs one; `admin` holds all.",
}


@dataclass(frozen=True, slots=True)
class _Route:
    operation_id: str
    method: str
    path: str
    contract: AnyContract

    def linkable(self) -> Linkable:
        """The operation as links see it; a list is seen as its first item."""
        model = self.contract.success.model
        fields = {} if model is None else model.model_fields
        item = _item_of(fields["items"].annotation) if "items" in fields else None
        if item is not None:
            return Linkable(self.operation_id, self.method, self.path, frozenset(item.model_fields), "items/0/")
        return Linkable(self.operation_id, self.method, self.path, frozenset(fields))


def build_document(app: Chalice) -> Json:
    """The OpenAPI 3.1 document of all routes with a contract: the same for the same routes, in any order of them."""
    routes = _routes(app)
    schemas = Schemas(
        bodies=[model for route in routes for model in (route.contract.body, route.contract.query)],
        answers=[Problem, *(route.contract.success.model for route in routes if route.contract.success.model)],
    )
    queries = {schemas.body(route.contract.query)["$ref"].rpartition("/")[2] for route in routes}
    paths = _paths(routes, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Carillon", "version": "1.0.0", "description": _DESCRIPTION},
        "servers": [{"url": "./"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in schemas.components.items() if name not in queries},
            "responses": _problems(routes, schemas),
            "headers": header_components(),
            "securitySchemes": {BEARER: _BEARER},
        },
    }


def render_document(app: Chalice) -> str:
    """The document as it is committed."""
    return json.dumps(build_document(app), indent=2, ensure_ascii=False) + "\n"


def _item_of(annotation: object) -> type[BaseModel] | None:
    """The model of a list's items."""
    models = [kind for kind in get_args(annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return models[0] if models else None


def _routes(app: Chalice) -> Sequence[_Route]:
    load_routes(app)
    found = [
        _Route(entry.view_name, method, path, contract)
        for path, methods in app.routes.items()
        for method, entry in methods.items()
        if method != "HEAD" and (contract := contract_of(entry.view_function)) is not None
    ]
    return sorted(found, key=lambda route: (route.path, route.method))


def _paths(routes: Sequence[_Route], schemas: Schemas) -> Json:
    linkables = [route.linkable() for route in routes]
    paths: Json = {}
    for route, linkable in zip(routes, linkables, strict=True):
        paths.setdefault(route.path, {})[route.method.lower()] = operation_of(
            route.contract,
            operation_id=route.operation_id,
            tag=tag_of(route.path),
            links=links_of(linkable, linkables),
            schemas=schemas,
        )
    return paths


def _problems(routes: Sequence[_Route], schemas: Schemas) -> Json:
    used = {(status, route.contract.limited) for route in routes for status in statuses_of(route.contract)}
    return {
        problem_name(status, limited=limited): problem_response(status, schemas, limited=limited)
        for status, limited in sorted(used)
    }


def tag_of(path: str) -> str:
    """The group that a path belongs to."""
    first, *rest = path.strip("/").split("/")
    if first in _DOCUMENTATION:
        return "documentation"
    name = rest[0] if first == "v1" else first
    if name in _OPERATIONS:
        return "operations"
    return "auth" if name.startswith(".well-known") or name == "jwks.json" else name
