"""What an operation takes besides its body: path, query and headers."""

import re
from typing import Any

from chalicelib.handlers.access import ME, PERSON
from chalicelib.handlers.contract import AnyContract
from chalicelib.handlers.docs import ASSETS
from chalicelib.handlers.openapi.headers import CORRELATION_ID, request_header
from chalicelib.handlers.openapi.schemas import Json, Schemas

_ID: Json = {"type": "string", "format": "uuid", "examples": ["0195fd7c-6e6b-7c4e-9a52-0d9d2b8f5a11"]}

PATH_PARAMETERS: dict[str, Json] = {
    "asset": {"type": "string", "enum": [*ASSETS], "examples": ["start.js"]},
    "client_id": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$", "examples": ["billing"]},
    "code": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_.-]{0,63}$", "examples": ["order-shipped"]},
    "name": {"type": "string", "minLength": 1, "examples": ["postgresql"]},
    "number": {"type": "integer", "minimum": 1, "maximum": 999_999_999, "examples": [1]},
    PERSON: {
        "anyOf": [{"type": "string", "format": "uuid"}, {"const": ME}],
        "description": f"A person's id; `{ME}` is the person whose token it is.",
        "examples": _ID["examples"],
    },
}
"""Every name that is not listed is an id."""


def segments_of(path: str) -> list[str]:
    """The names of a path's parameters, in order."""
    return re.findall(r"{(\w+)}", path)


def parameters_of(contract: AnyContract, schemas: Schemas) -> list[Json]:
    """All parameters of the operation: path, query, headers."""
    path = contract.route.partition(" ")[2]
    headers = [CORRELATION_ID, *contract.request_headers]
    return [
        *(_path(name) for name in segments_of(path)),
        *_query(schemas.resolve(schemas.body(contract.query)), schemas),
        *(request_header(name) for name in headers),
    ]


def _path(name: str) -> Json:
    schema = dict(PATH_PARAMETERS.get(name, _ID))
    (example, *_) = schema.pop("examples")
    described = {"description": schema.pop("description")} if "description" in schema else {}
    return {"name": name, "in": "path", "required": True, **described, "schema": schema, "example": example}


def _query(model: Json, schemas: Schemas) -> list[Json]:
    required = model.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, **_described(schema, schemas)}
        for name, schema in model.get("properties", {}).items()
    ]


def _described(schema: Json, schemas: Schemas) -> Json:
    """A query parameter is absent, never null; its description and example belong beside its schema."""
    schema = dict(schema)
    members = [member for member in schema.pop("anyOf", ()) if member.get("type") != "null"]
    if len(members) == 1:
        schema = {**members[0], **schema}
    elif members:
        schema["anyOf"] = members
    if schema.get("default", ...) is None:
        del schema["default"]
    beside: Json = {"description": schema.pop("description")} if "description" in schema else {}
    told = schemas.resolve(schema)
    examples: list[Any] = told.get("examples") or told.get("enum") or [told.get("default")]  # Any: of the schema's type
    schema.pop("examples", None)
    return {**beside, "schema": schema, **({} if examples == [None] else {"example": examples[0]})}
