"""Links (OpenAPI §4.8.20): from what makes a resource, or lists some, to the operations on each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.handlers.openapi.parameters import segments_of
from chalicelib.handlers.openapi.schemas import Json

_CALLED_IN_ANSWERS = {"number": ("number", "latest_version")}


@dataclass(frozen=True, slots=True)
class Linkable:
    """An operation, as far as links need to know it.

    `fields` are the names in its answer; of a list, those in each item, and `prefix` leads to the first.
    """

    operation_id: str
    method: str
    path: str
    fields: frozenset[str]
    prefix: str = ""


def links_of(source: Linkable, operations: Sequence[Linkable]) -> Json:
    """The links of a collection: every operation on a resource that it answers, or on what is below that."""
    if source.method != "POST" and not source.prefix:
        return {}
    targets = [target for target in operations if target.path.startswith(f"{source.path}/{{")]
    found = {target.operation_id: _arguments(source, target) for target in targets}
    return {
        operation_id: {"operationId": operation_id, "parameters": arguments}
        for operation_id, arguments in found.items()
        if arguments is not None
    }


def _arguments(source: Linkable, target: Linkable) -> Mapping[str, str] | None:
    """Where each parameter of the target's path comes from; None when one of them comes from nowhere."""
    arguments = {name: f"$request.path.{name}" for name in segments_of(source.path)}
    for place, name in enumerate(segments_of(target.path)[len(arguments) :]):
        field = _field(name, source.fields, own=place == 0)
        if field is None:
            return None
        arguments[name] = f"$response.body#/{source.prefix}{field}"
    return arguments


def _field(name: str, fields: frozenset[str], *, own: bool) -> str | None:
    """The answer's field that holds a path parameter; a resource's own identifier may simply be called `id`."""
    called = (*_CALLED_IN_ANSWERS.get(name, (name,)), *(("id",) if own else ()))
    return next((field for field in called if field in fields), None)
