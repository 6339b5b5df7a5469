"""Filter criteria match as Lambda documents them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline.emulator.filter_rules import InvalidPattern
from offline.emulator.filters import FilterCriteria

# Foreign JSON.
Json = Any

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
documents = st.recursive(
    st.dictionaries(st.text(max_size=3), scalars, max_size=3),
    lambda inner: st.dictionaries(st.text(max_size=3), inner | scalars, max_size=3),
    max_leaves=8,
)


def criteria(*patterns: Json) -> FilterCriteria:
    return FilterCriteria.parse({"Filters": [{"Pattern": json.dumps(pattern)} for pattern in patterns]})


def matches(data: Json, body: Json) -> bool:
    """Whether a pattern on `data` lets a body pass; text and bytes are taken as they are."""
    raw = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return criteria({"data": data}).matches(raw)


@pytest.mark.parametrize(
    ("pattern", "body", "expected"),
    [
        ({"name": ["Alice"]}, {"name": "Alice"}, True),
        ({"name": ["Alice"]}, {"name": "alice"}, False),
        ({"name": ["Alice", "Bob"]}, {"name": "Bob"}, True),
        ({"name": [""]}, {"name": ""}, True),
        ({"id": [None]}, {"id": None}, True),
        ({"id": [None]}, {}, False),
        ({"flag": [True]}, {"flag": True}, True),
        ({"flag": [True]}, {"flag": 1}, False),
        ({"a": ["1"], "b": ["2"]}, {"a": "1", "b": "2"}, True),
        ({"a": ["1"], "b": ["2"]}, {"a": "1"}, False),
        ({"a": {"b": ["1"]}}, {"a": {"b": "1"}}, True),
        ({"a": {"b": ["1"]}}, {"a": "1"}, False),
        ({"$or": [{"a": ["1"]}, {"b": ["2"]}]}, {"b": "2"}, True),
        ({"$or": [{"a": ["1"]}, {"b": ["2"]}]}, {"b": "3"}, False),
        ({"c": ["3"], "$or": [{"a": ["1"]}, {"b": ["2"]}]}, {"b": "2"}, False),
        ({"name": [{"equals-ignore-case": "alice"}]}, {"name": "ALICE"}, True),
        ({"weather": [{"anything-but": ["Raining"]}]}, {"weather": "Sunny"}, True),
        ({"weather": [{"anything-but": ["Raining"]}]}, {"weather": "Raining"}, False),
        ({"weather": [{"anything-but": "Raining"}]}, {}, False),
        ({"price": [{"numeric": ["=", 100]}]}, {"price": 100.0}, True),
        ({"price": [{"numeric": [">", 10, "<=", 20]}]}, {"price": 20}, True),
        ({"price": [{"numeric": [">", 10, "<=", 20]}]}, {"price": 10}, False),
        ({"price": [{"numeric": [">", 10]}]}, {"price": "11"}, False),
        ({"name": [{"exists": True}]}, {"name": None}, True),
        ({"name": [{"exists": True}]}, {}, False),
        ({"name": [{"exists": False}]}, {}, True),
        ({"name": [{"exists": False}]}, {"name": "x"}, False),
        ({"a": {"b": [{"exists": False}]}}, {}, True),
        ({"region": [{"prefix": "us-"}]}, {"region": "us-east-1"}, True),
        ({"region": [{"prefix": "us-"}]}, {"region": 5}, False),
        ({"file": [{"suffix": ".png"}]}, {"file": "a.png"}, True),
        ({"tags": ["b"]}, {"tags": ["a", "b"]}, True),
        ({"tags": ["c"]}, {"tags": ["a", "b"]}, False),
        ({"items": {"kind": ["x"]}}, {"items": [{"kind": "y"}, {"kind": "x"}]}, True),
    ],
)
def test_rules_match_as_documented(pattern: Json, body: Json, expected: bool) -> None:
    assert matches(pattern, body) is expected


def test_equal_numbers_are_compared_by_their_spelling() -> None:
    assert matches({"n": [300]}, '{"n": 300}')
    assert not matches({"n": [300]}, '{"n": 300.0}')
    assert not matches({"n": [300]}, '{"n": 3.0e2}')


def test_a_list_of_rules_is_for_plain_strings() -> None:
    assert matches([{"prefix": "Result: "}], "Result: 5")
    assert not matches([{"prefix": "Result: "}], "No result")


@pytest.mark.parametrize(
    ("pattern", "body"),
    [
        ([{"prefix": "{"}], {"a": 1}),
        ({"a": [{"exists": False}]}, "plain words"),
        ({"a": [{"exists": False}]}, b"\xff\xfe\x00"),
        ([{"anything-but": "x"}], b"\xff\xfe\x00"),
        ({"a": [{"exists": False}]}, "[" * 100_000),
    ],
)
def test_a_body_of_another_format_than_the_pattern_is_dropped(pattern: Json, body: Json) -> None:
    assert not matches(pattern, body)


def test_one_of_several_filters_is_enough() -> None:
    either = criteria({"data": {"a": ["1"]}}, {"data": {"b": ["2"]}})
    assert either.matches(b'{"b": "2"}')
    assert not either.matches(b'{"b": "1"}')


@pytest.mark.parametrize(
    "wrong",
    [
        {"Filters": [{}]},
        {"Filters": [{"Pattern": "not JSON"}]},
        {"Filters": [{"Pattern": "{}"}]},
        {"Filters": [{"Pattern": '{"data": []}'}]},
        {"Filters": [{"Pattern": '{"data": {}}'}]},
        {"Filters": [{"Pattern": '{"data": {"a": "bare"}}'}]},
        {"Filters": [{"Pattern": '{"data": {"a": [{"near": 5}]}}'}]},
        {"Filters": [{"Pattern": '{"data": {"a": [{"numeric": [">"]}]}}'}]},
        {"Filters": [{"Pattern": '{"data": {"a": [{"numeric": ["~", 5]}]}}'}]},
        {"Filters": [{"Pattern": '{"data": {"a": [{"prefix": 5}]}}'}]},
        {"Filters": [{"Pattern": '{"data": {"a": [{"exists": "yes"}]}}'}]},
        {"Filters": [{"Pattern": '{"data": {"a": [{"anything-but": []}]}}'}]},
        {"Filters": [{"Pattern": '{"data": {"$or": [{"a": ["1"]}]}}'}]},
        {"Filters": [{"Pattern": '{"basicProperties": {"type": ["x"]}}'}]},
        {"Filters": [{"Pattern": '{"data": {"a": ["1"]}}'}] * 11},
        {"Filters": [{"Pattern": '{"data": {"a": ["' + "x" * 4096 + '"]}}'}]},
        {"Filter": []},
    ],
)
def test_a_pattern_that_lambda_refuses_is_refused(wrong: Json) -> None:
    with pytest.raises(InvalidPattern):
        FilterCriteria.parse(wrong)


@given(body=st.binary())
def test_without_filters_everything_matches(body: bytes) -> None:
    assert FilterCriteria.parse({}).matches(body)


@given(body=st.binary() | documents.map(json.dumps).map(str.encode))
def test_no_body_makes_a_filter_fail(body: bytes) -> None:
    rules: Json = [{"numeric": [">", 0]}, {"prefix": "a"}, {"anything-but": "b"}, None]
    assert criteria({"data": {"a": {"b": rules}}}).matches(body) in {True, False}
    assert criteria({"data": rules}).matches(body) in {True, False}


@given(document=documents)
def test_a_pattern_made_of_all_leaves_of_a_document_matches_it(document: dict[str, Json]) -> None:
    pattern = _pattern_of(document)
    if pattern is not None:
        assert matches(pattern, document)


@given(document=documents, name=st.text(max_size=3))
def test_a_field_exists_or_it_does_not(document: dict[str, Json], name: str) -> None:
    leaf = {key: value for key, value in document.items() if not isinstance(value, dict)}
    exists, missing = ({name: [{"exists": answer}]} for answer in (True, False))
    if name != "$or":
        assert matches(exists, leaf) is not matches(missing, leaf)


@given(value=st.integers() | st.floats(allow_nan=False, allow_infinity=False), bound=st.integers())
def test_numeric_comparisons_agree_with_arithmetic(value: float, bound: int) -> None:
    for sign, expected in (("<", value < bound), ("<=", value <= bound), ("=", value == bound), (">", value > bound)):
        assert matches({"n": [{"numeric": [sign, bound]}]}, {"n": value}) is expected


def _pattern_of(document: dict[str, Json]) -> Json | None:
    """Every leaf, in the place where it is; None if there is no leaf to name."""
    pattern = {
        name: _pattern_of(value) if isinstance(value, dict) else [value]
        for name, value in document.items()
        if name != "$or"
    }
    kept = {name: inner for name, inner in pattern.items() if inner is not None}
    return kept or None
