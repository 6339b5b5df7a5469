"""Which resource of an API a path belongs to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from offline.emulator.gateway_event import MatchedResource


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource: its path with `{name}` and a last `{name+}`, and the methods that reach the function.

    `preflight_headers` is what the gateway itself answers to OPTIONS (a mock integration); None means it does not.
    """

    path: str
    methods: frozenset[str]
    preflight_headers: Mapping[str, str] | None = None

    def accepts(self, method: str) -> bool:
        """Whether the function has this method here; `ANY` accepts all."""
        return method in self.methods or "ANY" in self.methods


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    variable: "_Node | None" = None
    variable_name: str = ""
    greedy: Resource | None = None
    resource: Resource | None = None


class ResourceTable:
    """Finds the most specific resource: segment by segment a literal wins over `{name}`, and that over `{name+}`.

    A trailing slash is ignored; an empty segment matches nothing. Raises ValueError when two resources give one
    place in the path different variable names, as API Gateway refuses such an API.
    """

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._root = _Node()
        for resource in resources:
            self._add(resource)

    def match(self, path: str) -> tuple[Resource, MatchedResource] | None:
        """The resource of a percent-encoded path and its parameters, not decoded; None when there is none."""
        segments = _segments(path)
        parameters: dict[str, str] = {}
        resource = _find(self._root, segments, parameters)
        return None if resource is None else (resource, MatchedResource(resource.path, parameters))

    def _add(self, resource: Resource) -> None:
        node = self._root
        for segment in _segments(resource.path):
            if segment.startswith("{") and segment.endswith("+}"):
                node.greedy = resource
                return
            node = _child(node, segment)
        node.resource = resource


def _segments(path: str) -> tuple[str, ...]:
    trimmed = path[:-1] if path.endswith("/") else path
    return tuple(trimmed.split("/")[1:])


def _child(node: _Node, segment: str) -> _Node:
    if not (segment.startswith("{") and segment.endswith("}")):
        return node.literals.setdefault(segment, _Node())
    name = segment[1:-1]
    if node.variable is None:
        node.variable, node.variable_name = _Node(), name
    elif node.variable_name != name:
        raise ValueError(f"sibling path variables {{{node.variable_name}}} and {{{name}}}: API Gateway allows one name")
    return node.variable


def _find(node: _Node, segments: tuple[str, ...], parameters: dict[str, str]) -> Resource | None:
    if not segments:
        return node.resource
    head, rest = segments[0], segments[1:]
    if head in node.literals and (found := _find(node.literals[head], rest, parameters)):
        return found
    if head and node.variable is not None and (found := _find(node.variable, rest, parameters)):
        parameters[node.variable_name] = head
        return found
    if head and node.greedy is not None:
        parameters[node.greedy.path.rpartition("{")[2].removesuffix("+}")] = "/".join(segments)
        return node.greedy
    return None
