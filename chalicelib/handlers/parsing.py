"""JSON and text from outside: read strictly, so that what is stored means the same to every reader.

JSON allows more than PostgreSQL's jsonb and other readers can hold: repeated names, NaN, numbers beyond a double, NUL
and lone surrogates. All of it is refused here.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NoReturn, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, JsonValue, ValidationError

from chalicelib.errors import Flaw, InvalidRequest, MalformedRequest

ModelT = TypeVar("ModelT", bound=BaseModel)

Location = Sequence[int | str]

MAX_DEPTH = 32
"""Deeper than any honest body; shallow enough for whatever walks it later, templates included, to do so recursively."""

_NO_TEXT = "must be text without NUL and lone surrogates"


def parse_json(body: bytes) -> JsonValue:
    """The value that the bytes are the JSON text of (RFC 8259, UTF-8).

    Raises:
        MalformedRequest: they are not JSON, or a name is repeated, or a number is none that JSON has.
        InvalidRequest: a string holds U+0000 or half of a surrogate pair, or the nesting is deeper than `MAX_DEPTH`.
    """
    try:
        text = body.decode("utf-8")
        parsed: JsonValue = json.loads(
            text, object_pairs_hook=_unique_names, parse_constant=_refuse_constant, parse_float=_finite
        )
    except (ValueError, RecursionError):
        raise MalformedRequest("The body is not well-formed JSON.") from None
    _require_shallow(parsed)
    if "\\u" in text:  # only an escape can bring in what UTF-8 cannot
        _require_text(parsed)
    return parsed


def parse_model(model: type[ModelT], parsed: JsonValue, body: bytes) -> ModelT:
    """The body as a model; `parsed` is what `parse_json` made of it, and places the flaws.

    Raises:
        InvalidRequest: with one flaw for each thing wrong, each with its JSON pointer.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        flaws = [
            Flaw(_pointer(_location_in(parsed, flaw["loc"], missing=flaw["type"] == "missing")), flaw["msg"])
            for flaw in error.errors(include_url=False, include_input=False, include_context=False)
        ]
    raise InvalidRequest("The body breaks a rule of this route.", flaws=flaws)


def parse_query(model: type[ModelT], parameters: dict[str, list[str]]) -> ModelT:
    """The query as a model.

    Raises:
        InvalidRequest: a parameter is unknown, malformed, or given twice, or holds U+0000 or half of a surrogate pair:
            whatever the model takes is text that can be compared with what is stored.
    """
    repeated = [Flaw(name, "must be given once") for name, values in parameters.items() if len(values) > 1]
    if repeated:
        raise InvalidRequest("A query parameter is repeated.", flaws=repeated)
    unsound = [Flaw(name, _NO_TEXT) for name, (value,) in parameters.items() if not _is_text(name + value)]
    if unsound:
        raise InvalidRequest("A query parameter holds characters that are no text.", flaws=unsound)
    try:
        return model.model_validate_strings({name: values[0] for name, values in parameters.items()})
    except ValidationError as error:
        flaws = [Flaw(str(flaw["loc"][0]), flaw["msg"]) for flaw in error.errors(include_url=False)]
    raise InvalidRequest("A query parameter is unknown or malformed.", flaws=flaws)


def decode_segment(segment: str) -> str | None:
    """A path parameter without its percent-encoding, or None when it is not UTF-8."""
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        return None


def _unique_names(pairs: Sequence[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    named = dict(pairs)
    if len(named) < len(pairs):
        raise ValueError("a name is repeated")
    return named


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("beyond a double")
    return number


def _require_shallow(parsed: JsonValue) -> None:
    layer: list[JsonValue] = [parsed]
    for _ in range(MAX_DEPTH):
        layer = [inner for outer in layer for inner in _inside(outer) if isinstance(inner, dict | list)]
        if not layer:
            return
    raise InvalidRequest(
        "The body is nested too deeply.", flaws=[Flaw("", f"must not be nested more than {MAX_DEPTH} levels deep")]
    )


def _inside(outer: JsonValue) -> Iterable[JsonValue]:
    match outer:
        case dict():
            return outer.values()
        case list():
            return outer
        case _:
            return ()


def _require_text(parsed: JsonValue) -> None:
    flaws = [Flaw(_pointer(location), _NO_TEXT) for location in _unsound(parsed)]
    if flaws:
        raise InvalidRequest("A string holds characters that are no text.", flaws=flaws)


def _unsound(parsed: JsonValue) -> Iterator[Location]:
    """Where strings stand that cannot be stored; a name that cannot is placed at its object. As deep as JSON may be."""
    pending: list[tuple[tuple[int | str, ...], JsonValue]] = [((), parsed)]
    while pending:
        location, value = pending.pop()
        match value:
            case str() if not _is_text(value):
                yield location
            case list():
                pending += [((*location, index), item) for index, item in enumerate(value)]
            case dict() if all(map(_is_text, value)):
                pending += [((*location, name), item) for name, item in value.items()]
            case dict():
                yield location


def _is_text(string: str) -> bool:
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in string)


def _location_in(parsed: JsonValue, location: Location, *, missing: bool) -> Location:
    """The part of a location that exists in what was sent: pydantic's also names the members of unions."""
    found: list[int | str] = []
    for part in location:
        if isinstance(parsed, dict) and part in parsed:
            parsed = parsed[str(part)]
        elif isinstance(parsed, list) and isinstance(part, int) and part < len(parsed):
            parsed = parsed[part]
        else:
            continue
        found.append(part)
    return [*found, location[-1]] if missing else found


def _pointer(location: Location) -> str:
    """RFC 6901."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)
