"""Filter criteria of an event source mapping, as "Control which events Lambda sends to your function" documents them.

For Amazon MQ the only key is `data` ("Filter events from an Amazon MQ event source"): a list of rules is for bodies
that are plain strings, an object for bodies that are JSON. A body of the other kind, or one that is not UTF-8, does not
match. A body counts as JSON when it is an object or an array. A message that matches no filter is acknowledged and
dropped.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from offline.emulator.filter_rules import InvalidPattern, Number, Rule, parse_rule

MAX_FILTERS = 10
MAX_PATTERN_CHARACTERS = 4096

# Foreign JSON.
Json = Any
Matcher = Callable[[Json], bool]
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class FilterCriteria:
    """A disjunction of filters; without any, everything matches."""

    filters: tuple[Matcher, ...]

    @classmethod
    def parse(cls, criteria: Mapping[str, Json]) -> Self:
        """From `{"Filters": [{"Pattern": "<JSON>"}, …]}`. Raises InvalidPattern with the reason."""
        filters = criteria.get("Filters", [])
        if not isinstance(filters, list) or len(filters) > MAX_FILTERS or set(criteria) - {"Filters"}:
            raise InvalidPattern(f"filter criteria are {{'Filters': [at most {MAX_FILTERS}]}}")
        return cls(tuple(_parse_filter(one) for one in filters))

    def matches(self, body: bytes) -> bool:
        """Whether the function is to see a message with this body."""
        if not self.filters:
            return True
        try:
            content = _parse_body(body.decode())
        except UnicodeDecodeError:
            return False
        return any(matcher(content) for matcher in self.filters)


def _parse_body(text: str) -> Json:
    try:
        content = _parse_json(text)
    except (ValueError, RecursionError):
        return text
    return content if isinstance(content, dict | list) else text


def _parse_json(text: str) -> Json:
    """Numbers keep their spelling: Lambda compares them by their string representation."""
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _parse_filter(one: Json) -> Matcher:
    if not isinstance(one, dict) or set(one) != {"Pattern"} or not isinstance(one["Pattern"], str):
        raise InvalidPattern("a filter is {'Pattern': '<JSON>'}")
    if len(one["Pattern"]) > MAX_PATTERN_CHARACTERS:
        raise InvalidPattern(f"a pattern has at most {MAX_PATTERN_CHARACTERS} characters")
    try:
        pattern = _parse_json(one["Pattern"])
    except ValueError as error:
        raise InvalidPattern(f"the pattern is not JSON: {error}") from error
    if not isinstance(pattern, dict) or set(pattern) != {"data"}:
        raise InvalidPattern("Amazon MQ supports filtering on the key 'data' only")
    return _compile_data(pattern["data"])


def _compile_data(pattern: Json) -> Matcher:
    matcher = _compile(pattern)
    if isinstance(pattern, list):
        return lambda content: isinstance(content, str) and matcher(content)
    return lambda content: not isinstance(content, str) and matcher(content)


def _compile(pattern: Json) -> Matcher:
    if isinstance(pattern, dict) and pattern:
        return _compile_fields(pattern)
    if isinstance(pattern, list) and pattern:
        return _compile_rules([parse_rule(rule) for rule in pattern])
    raise InvalidPattern("a pattern is a non-empty object of fields, or a non-empty list of rules")


def _compile_fields(pattern: Mapping[str, Json]) -> Matcher:
    """All fields must match; `$or` holds alternatives, each an object of fields."""
    fields = [(name, _compile(inner)) for name, inner in pattern.items() if name != "$or"]
    alternatives = [_compile_alternative(one) for one in _alternatives(pattern)]

    def matches(content: Json) -> bool:
        if isinstance(content, list):
            return any(matches(element) for element in content)
        found: Mapping[str, Json] = content if isinstance(content, dict) else {}
        every_field = all(matcher(found.get(name, _ABSENT)) for name, matcher in fields)
        return every_field and (not alternatives or any(matcher(content) for matcher in alternatives))

    return matches


def _alternatives(pattern: Mapping[str, Json]) -> list[Json]:
    alternatives = pattern.get("$or", [])
    if "$or" in pattern and (not isinstance(alternatives, list) or len(alternatives) < 2):
        raise InvalidPattern("'$or' is a list of at least two objects")
    return list(alternatives)


def _compile_alternative(pattern: Json) -> Matcher:
    if not isinstance(pattern, dict) or not pattern:
        raise InvalidPattern("'$or' is a list of at least two objects")
    return _compile_fields(pattern)


def _compile_rules(rules: list[Rule]) -> Matcher:
    """One rule must match, and of a list in the message one element; an object is no leaf and matches nothing."""

    def matches(content: Json) -> bool:
        if content is _ABSENT:
            return any(rule.if_absent for rule in rules)
        if isinstance(content, list):
            return any(matches(element) for element in content)
        return not isinstance(content, dict) and any(rule.matches(content) for rule in rules)

    return matches
