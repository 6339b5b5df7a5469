"""An example of a schema, put together from the examples that its parts give."""

from typing import Any

from chalicelib.handlers.openapi.schemas import Json, Schemas

_BY_FORMAT = {
    "date-time": "2026-03-01T09:30:00Z",
    "uuid": "0195fd7c-6e6b-7c4e-9a52-0d9d2b8f5a11",
    "uri": "https://example.com/",
}
_BY_TYPE: Json = {"string": "text", "integer": 1, "number": 1.5, "boolean": True, "null": None, "object": {}}


def example_of(schema: Json, schemas: Schemas, *, optional: bool = True) -> Any:  # Any: whatever JSON the schema means
    """What the schema's author gave as an example, else one made of the examples of its parts.

    Without `optional`, a property that has no example of its own and need not be given is left out.
    """
    schema = schemas.resolve(schema)
    given = _given(schema)
    if given is not None:
        return given[0]
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return example_of(_telling(schema[union]), schemas, optional=optional)
    if "properties" in schema:
        return _object(schema, schemas, optional=optional)
    if schema.get("type") == "array":
        return [example_of(schema.get("items", {}), schemas, optional=optional)]
    return _BY_FORMAT.get(schema.get("format", ""), _BY_TYPE.get(schema.get("type", ""), {}))


def _given(schema: Json) -> list[Any] | None:
    """The author's own examples, or what leaves no choice."""
    if schema.get("examples"):
        return list(schema["examples"])
    if "const" in schema:
        return [schema["const"]]
    if schema.get("enum"):
        return list(schema["enum"])
    return [schema["default"]] if schema.get("default") is not None else None


def _telling(members: list[Json]) -> Json:
    """The first member of a union that says more than that nothing may be there."""
    return next((member for member in members if member.get("type") != "null"), members[0])


def _object(schema: Json, schemas: Schemas, *, optional: bool) -> Json:
    required = schema.get("required", ())
    return {
        name: example_of(property_, schemas, optional=optional)
        for name, property_ in schema["properties"].items()
        if optional or name in required or _tells(property_, schemas)
    }


def _tells(schema: Json, schemas: Schemas) -> bool:
    """Whether the schema, or what it is when it is not null, has an example of its own."""
    schema = schemas.resolve(schema)
    return "examples" in schema or ("anyOf" in schema and _tells(_telling(schema["anyOf"]), schemas))
