"""The committed OpenAPI document is the routes' own, says everything, and says it validly."""

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from openapi_spec_validator import OpenAPIV31SpecValidator

import app
from chalicelib.handlers.contract import contract_of
from chalicelib.handlers.docs import ASSETS, asset_text
from chalicelib.handlers.openapi.document import DOCUMENT, TAGS, build_document, render_document

Json = Any  # the document is JSON

SPEC: Json = build_document(app.app)
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, methods in SPEC["paths"].items()
    for method, operation in methods.items()
]
IDS = [route for route, _ in OPERATIONS]
every_operation = pytest.mark.parametrize(("route", "operation"), OPERATIONS, ids=IDS)
BODILESS = {"204", "304"}
UNTOLD = "text"
"""What stands in an example where a model gives none."""


def test_the_committed_document_is_fresh() -> None:
    assert DOCUMENT.read_text("utf-8") == render_document(app.app), "run make openapi"


def test_the_document_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(SPEC).validate()


def test_every_route_with_a_contract_is_described() -> None:
    declared = {
        f"{method} {path}"
        for path, methods in app.app.routes.items()
        for method, entry in methods.items()
        if method != "HEAD" and contract_of(entry.view_function)
    }
    assert set(IDS) == declared


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, operation in OPERATIONS]
    assert sorted(names) == sorted(set(names))


@every_operation
def test_an_operation_says_what_it_does_and_who_may(route: str, operation: Json) -> None:
    assert operation["summary"], "the view has no docstring"
    assert operation["description"]
    assert set(operation["tags"]) <= set(TAGS)
    assert "security" in operation


@every_operation
def test_every_answer_has_a_schema_and_an_example_that_keeps_it(route: str, operation: Json) -> None:
    for status, answer in operation["responses"].items():
        if status in BODILESS:
            continue
        contents = _resolve(answer).get("content", {})
        assert contents, f"{route} {status}: the success of this route names no model"
        for content in contents.values():
            _validate(content, f"{route} {status}")


@every_operation
def test_every_body_has_a_schema_and_an_example_that_keeps_it(route: str, operation: Json) -> None:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        _validate(content, f"{route} body")


@every_operation
def test_every_parameter_has_a_schema_and_an_example_that_keeps_it(route: str, operation: Json) -> None:
    for parameter in operation["parameters"]:
        _validate(parameter, f"{route} {parameter['name']}")


@every_operation
def test_a_path_parameter_is_described_exactly_when_it_is_in_the_path(route: str, operation: Json) -> None:
    described = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"]
    assert described == re.findall(r"{(\w+)}", route)


@every_operation
def test_an_answer_201_says_where_the_resource_is(route: str, operation: Json) -> None:
    if "201" in operation["responses"]:
        assert "Location" in operation["responses"]["201"]["headers"]


@every_operation
def test_every_answer_names_the_headers_that_all_answers_have(route: str, operation: Json) -> None:
    for answer in operation["responses"].values():
        assert {"X-Correlation-ID", "Content-Security-Policy", "Cache-Control"} <= set(_resolve(answer)["headers"])


def test_no_component_is_idle() -> None:
    used = set(_references(SPEC))
    for kind in ("schemas", "responses"):
        idle = {name for name in SPEC["components"][kind] if f"#/components/{kind}/{name}" not in used}
        assert idle == set()


def test_every_link_leads_to_an_operation() -> None:
    names = {operation["operationId"] for _, operation in OPERATIONS}
    links = [answer.get("links", {}) for _, operation in OPERATIONS for answer in operation["responses"].values()]
    assert {link["operationId"] for by_name in links for link in by_name.values()} <= names


@pytest.mark.parametrize("name", [name for name, asset in ASSETS.items() if asset.sha384])
def test_the_viewer_is_the_published_one_byte_for_byte(name: str) -> None:
    digest = hashlib.sha384(asset_text(name).encode()).digest()
    assert base64.b64encode(digest).decode() == ASSETS[name].sha384


def _validate(described: Json, where: str) -> None:
    """The example is there, and is an instance of its schema; formats of the specification included."""
    assert "example" in described, f"{where}: no example"
    example = described["example"]
    schema = {**described["schema"], "components": SPEC["components"]}
    validator = OAS31Validator(schema, format_checker=oas31_format_checker)
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(example)]
    assert errors == [], f"{where}: the example breaks the schema; give the fields examples"
    assert UNTOLD not in set(_leaves(example)), f"{where}: a field gives no example"


def _resolve(answer: Json) -> Json:
    name = answer.get("$ref", "").rpartition("/")[2]
    return SPEC["components"]["responses"][name] if name else answer


def _leaves(part: Json) -> Iterator[Json]:
    if isinstance(part, dict | list):
        values = part.values() if isinstance(part, dict) else part
        yield from (leaf for value in values for leaf in _leaves(value))
    else:
        yield part


def _references(part: Json) -> Iterator[str]:
    if isinstance(part, dict):
        yield from ([part["$ref"]] if isinstance(part.get("$ref"), str) else [])
        yield from (found for value in part.values() for found in _references(value))
    elif isinstance(part, list):
        yield from (found for value in part for found in _references(value))
