"""The rules by which the OpenAPI document is put together from models and routes."""

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated

import pytest
from pydantic import Field

from chalicelib.domain.principal import Scope
from chalicelib.handlers.access import PUBLIC, SESSION, Access, needs
from chalicelib.handlers.answers import ResourceModel
from chalicelib.handlers.contract import Contract, Success
from chalicelib.handlers.openapi.document import tag_of
from chalicelib.handlers.openapi.examples import example_of
from chalicelib.handlers.openapi.links import Linkable, links_of
from chalicelib.handlers.openapi.operations import operation_of
from chalicelib.handlers.openapi.parameters import parameters_of
from chalicelib.handlers.openapi.problems import statuses_of
from chalicelib.handlers.openapi.schemas import Schemas
from chalicelib.handlers.request import NoBody, NoQuery, RequestModel


class Colour(StrEnum):
    RED = "red"


class Fruit(RequestModel):
    name: Annotated[str, Field(examples=["apple"])]
    colour: Colour = Colour.RED
    origin: Annotated[str, Field(examples=["Almaty"])] | None = None
    weight: int | None = None


class FruitQuery(RequestModel):
    origin: Annotated[str, Field(examples=["Almaty"])] | None = None
    limit: int = 50


class FruitAnswer(ResourceModel):
    id: Annotated[str, Field(examples=["1"])]


SCHEMAS = Schemas(bodies=[Fruit, FruitQuery, NoBody, NoQuery], answers=[FruitAnswer])


def contract(route: str, *, access: Access = PUBLIC, limited: bool = True) -> Contract[Fruit, FruitQuery]:
    success = Success(HTTPStatus.CREATED, FruitAnswer)
    return Contract(
        route=route, access=access, body=Fruit, query=FruitQuery, success=success, limited=limited, summary="Add it."
    )


def test_an_example_is_made_of_the_examples_of_the_fields() -> None:
    body = SCHEMAS.body(Fruit)
    whole = {"name": "apple", "colour": "red", "origin": "Almaty", "weight": 1}
    assert example_of(body, SCHEMAS) == whole
    assert example_of(body, SCHEMAS, optional=False) == {"name": "apple", "origin": "Almaty"}


def test_a_query_parameter_is_never_null() -> None:
    query = {parameter["name"]: parameter for parameter in parameters_of(contract("GET /v1/fruits"), SCHEMAS)}
    assert query["origin"]["schema"] == {"type": "string"}
    assert query["origin"]["example"] == "Almaty"
    assert query["limit"]["example"] == 50


def test_the_statuses_follow_from_the_shape_of_the_route() -> None:
    assert statuses_of(contract("POST /v1/fruits", limited=False)) == [400, 413, 415, 422, 500]
    with_token = statuses_of(contract("PUT /v1/fruits/{id}", access=SESSION))
    assert with_token == [400, 401, 403, 404, 413, 415, 422, 429, 500, 503]


@pytest.mark.parametrize(
    ("access", "security"),
    [
        (PUBLIC, []),
        (SESSION, [{"bearer": []}]),
        (needs(Scope.USERS_READ), [{"bearer": ["users:read"]}]),
        (needs(Scope.USERS_READ, or_own=True), [{"bearer": ["users:read"]}, {"bearer": []}]),
    ],
)
def test_each_alternative_of_an_access_is_enough_by_itself(
    access: Access, security: list[dict[str, list[str]]]
) -> None:
    described = contract("POST /v1/fruits", access=access)
    operation = operation_of(described, operation_id="add_fruit", tag="fruits", links={}, schemas=SCHEMAS)
    assert operation["security"] == security


def test_what_makes_a_resource_leads_to_what_can_be_done_with_it() -> None:
    making = Linkable("add_fruit", "POST", "/v1/baskets/{basket_id}/fruits", frozenset({"id"}))
    reading = Linkable("read_fruit", "GET", "/v1/baskets/{basket_id}/fruits/{fruit_id}", frozenset({"id"}))
    links = links_of(making, [making, reading])
    assert links["read_fruit"]["parameters"] == {
        "basket_id": "$request.path.basket_id",
        "fruit_id": "$response.body#/id",
    }
    assert links_of(reading, [making, reading]) == {}


def test_a_list_leads_to_what_can_be_done_with_its_first_item() -> None:
    listing = Linkable("list_fruits", "GET", "/v1/fruits", frozenset({"id"}), "items/0/")
    erasing = Linkable("erase_fruit", "DELETE", "/v1/fruits/{fruit_id}", frozenset())
    unknown = Linkable("read_seed", "GET", "/v1/fruits/{fruit_id}/seeds/{seed_id}", frozenset())
    links = links_of(listing, [listing, erasing, unknown])
    assert list(links) == ["erase_fruit"]
    assert links["erase_fruit"]["parameters"] == {"fruit_id": "$response.body#/items/0/id"}


@pytest.mark.parametrize(
    ("path", "tag"),
    [
        ("/v1/users/{user_id}/devices", "users"),
        ("/health/ready", "operations"),
        ("/v1/circuits", "operations"),
        ("/docs/{asset}", "documentation"),
        ("/.well-known/jwks.json", "auth"),
    ],
)
def test_paths_are_grouped(path: str, tag: str) -> None:
    assert tag_of(path) == tag
