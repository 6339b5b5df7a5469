"""JSON from outside: everything that other readers could take for something else is refused."""

import json
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from chalicelib.errors import InvalidRequest, MalformedRequest, RequestRefused
from chalicelib.handlers.paging import PageQuery
from chalicelib.handlers.parsing import MAX_DEPTH, decode_segment, parse_json, parse_model, parse_query
from chalicelib.handlers.request import RequestModel

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


class Circle(RequestModel):
    kind: Literal["circle"]
    radius: int


class Square(RequestModel):
    kind: Literal["square"]
    side: int


class Drawing(RequestModel):
    title: str
    shapes: list[Annotated[Circle | Square, Field(discriminator="kind")]] = Field(default_factory=list)
    notes: dict[str, int] = Field(default_factory=dict)


class Filter(PageQuery):
    name: str = ""


def pointers_of(value: object) -> set[str]:
    body = json.dumps(value).encode()
    with pytest.raises(InvalidRequest) as refused:
        parse_model(Drawing, parse_json(body), body)
    return {flaw.pointer for flaw in refused.value.flaws}


@given(JSON_VALUES)
def test_whatever_is_sound_json_is_read_as_it_was_written(value: object) -> None:
    body = json.dumps(value).encode()
    try:
        assert parse_json(body) == value
    except InvalidRequest:
        assert "\\u0000" in json.dumps(value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_and_never_a_fault(body: bytes) -> None:
    try:
        parse_model(Drawing, parse_json(body), body)
    except RequestRefused:
        return


@given(JSON_VALUES)
def test_any_json_is_a_body_or_refused_with_pointers_and_never_a_fault(value: object) -> None:
    try:
        body = json.dumps(value).encode()
        parse_model(Drawing, parse_json(body), body)
    except MalformedRequest:
        pytest.fail("JSON is well-formed, whatever it says")
    except InvalidRequest:
        return


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"nul",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 1} {}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\x00"}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": 1, "a": 2}',
        b'[{"b": {"a": 1, "\\u0061": 2}}]',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 5000,
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        parse_json(body)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'"\\u0000"', ""),
        (b'{"title": "a\\u0000b"}', "/title"),
        (b'{"a": [1, {"b": "\\ud800"}]}', "/a/1/b"),
        (b'{"a/b~c": "\\udfff x"}', "/a~1b~0c"),
        (b'{"a": {"\\u0000": 1}}', "/a"),
        (b'["\\udc00\\ud800"]', "/0"),
    ],
)
def test_text_that_postgresql_cannot_hold_is_refused_where_it_stands(body: bytes, pointer: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_json(body)
    assert [flaw.pointer for flaw in refused.value.flaws] == [pointer]


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert parse_json(b'"\\ud83d\\ude00"') == "😀"


def test_unsound_text_is_found_at_any_depth_that_json_may_have() -> None:
    deep = b"[" * 900 + b'"\\u0000"' + b"]" * 900
    with pytest.raises(InvalidRequest):
        parse_json(deep)


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        ({}, {"/title"}),
        ([], {""}),
        ({"title": 1}, {"/title"}),
        ({"title": "x", "a~/b": 1}, {"/a~0~1b"}),
        ({"title": "x", "shapes": [{"kind": "circle", "radius": "7"}]}, {"/shapes/0/radius"}),
        ({"title": "x", "shapes": [{"kind": "square", "side": 1}, {"kind": "circle"}]}, {"/shapes/1/radius"}),
        ({"title": "x", "shapes": [{"kind": "triangle"}, {}, 3]}, {"/shapes/0", "/shapes/1", "/shapes/2"}),
        ({"title": "x", "shapes": [{"kind": "square", "side": 1, "square": 1}]}, {"/shapes/0/square"}),
        ({"title": "x", "notes": {"a": "1", "b": 2}}, {"/notes/a"}),
        ({"title": None, "notes": [], "more": 1}, {"/title", "/notes", "/more"}),
    ],
    ids=str,
)
def test_every_flaw_has_the_json_pointer_of_its_place(value: object, pointers: set[str]) -> None:
    assert pointers_of(value) == pointers


def test_a_body_nested_deeper_than_the_reader_goes_is_refused() -> None:
    body = b'{"title":' + b"[" * 500 + b"]" * 500 + b"}"
    with pytest.raises(InvalidRequest):
        parse_model(Drawing, parse_json(body), body)


def test_query_parameters_are_read_from_their_text() -> None:
    assert parse_query(Filter, {"limit": ["20"]}).limit == 20
    assert parse_query(Filter, {}).limit == 50


@pytest.mark.parametrize(
    "parameters",
    [{"limit": ["0"]}, {"limit": ["201"]}, {"limit": ["x"]}, {"limit": ["1", "2"]}, {"limit": [""]}],
    ids=str,
)
def test_a_malformed_or_repeated_query_parameter_is_refused_by_name(parameters: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_query(Filter, parameters)
    assert [flaw.pointer for flaw in refused.value.flaws] == ["limit"]


@pytest.mark.parametrize(
    "text",
    ["050", " 50", "50 ", "5_0", "+50", "-5", "50.0", "5e1", "0x32", "\u0665\u0660", "50\n", "1" * 5000],
    ids=ascii,
)
def test_a_number_in_a_query_has_one_spelling(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_query(Filter, {"limit": [text]})
    assert [flaw.pointer for flaw in refused.value.flaws] == ["limit"]


@pytest.mark.parametrize("name", ["name", "cursor", "limit", "no\0name"])
@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "\udfff a"], ids=ascii)
def test_a_query_parameter_that_postgresql_cannot_hold_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_query(Filter, {name: [text]})
    assert [flaw.pointer for flaw in refused.value.flaws] == [name]


def test_an_unknown_query_parameter_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_query(Filter, {"offset": ["1"]})
    assert [flaw.pointer for flaw in refused.value.flaws] == ["offset"]


def test_a_path_segment_loses_its_percent_encoding() -> None:
    assert decode_segment("a%2Fb%C3%A9%20+") == "a/bé +"
    assert decode_segment("%ff") is None


def nested(depth: int, *, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


@pytest.mark.parametrize("kind", [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_json_is_read_down_to_a_bound(kind: tuple[str, str]) -> None:
    opening, closing = kind
    assert parse_json(nested(MAX_DEPTH, opening=opening, closing=closing))
    for depth in (MAX_DEPTH + 1, 500, 900):
        with pytest.raises(InvalidRequest) as refused:
            parse_json(nested(depth, opening=opening, closing=closing))
        assert [flaw.pointer for flaw in refused.value.flaws] == [""]


@pytest.mark.parametrize("depth", [1_000, 5_000, 100_000])
def test_json_that_is_nested_beyond_reading_is_refused_and_no_fault(depth: int) -> None:
    with pytest.raises(RequestRefused):
        parse_json(nested(depth))
