"""What is no text reaches no route's query or path: PostgreSQL cannot compare it with anything.

The parameters are read off the contracts, so that those of a new route are tried, too.
"""

import re

import pytest
from chalice.app import Chalice

import app as application
from chalicelib.domain.principal import Scope
from chalicelib.errors import InvalidRequest
from chalicelib.handlers.contract import AnyContract, contract_of
from chalicelib.handlers.parsing import parse_query
from chalicelib.handlers.routes import load_routes
from tests.gateway_client import GatewayClient
from tests.requests_of_a_backend import BODIES, DEVICE, EMAIL, assert_problem, with_scopes

load_routes(application.app)
CONTRACTS = {
    contract.route: contract
    for methods in application.app.routes.values()
    for entry in methods.values()
    if (contract := contract_of(entry.view_function))
}
QUERIES = [
    (contract, field.alias or name)
    for contract in CONTRACTS.values()
    for name, field in contract.query.model_fields.items()
]
NAMED_IN_PATH = re.compile(r"\{[a-z_]+\}")
PATHS = [
    (route, parameter.group()) for route in CONTRACTS for parameter in NAMED_IN_PATH.finditer(route.replace("+", ""))
]
BODY_OF = {
    "POST /v1/users/{user_id}/devices": DEVICE,
    "PATCH /v1/users/{user_id}": {"name": "Ada"},
    "PUT /v1/users/{user_id}/preferences": {},
    "PATCH /v1/templates/{code}": {"name": "Welcome"},
    "POST /v1/templates/{code}/versions": {"contents": [EMAIL]},
    "POST /v1/templates/{code}/preview": {"channel": "email"},
}
"""A good body for each route with a parameter and a body: bodies are looked at first."""

ANY_ID = "0192d3f0-0000-7000-8000-000000000001"


@pytest.fixture
def administrator(app: Chalice) -> GatewayClient:
    return with_scopes(app, *Scope)


@pytest.mark.parametrize(("contract", "name"), QUERIES, ids=lambda part: getattr(part, "route", part))
def test_every_query_parameter_refuses_what_is_no_text(
    administrator: GatewayClient, contract: AnyContract, name: str
) -> None:
    path = NAMED_IN_PATH.sub(ANY_ID, contract.route)
    answer = administrator.call(f"{path}?{name}=a%00b", BODIES.get(contract.route))
    assert_problem(answer, 422)
    assert answer.pointers == {name}
    with pytest.raises(InvalidRequest):
        parse_query(contract.query, {name: ["\ud800"]})


@pytest.mark.parametrize(
    ("contract", "name"),
    [
        (contract, name)
        for contract, name in QUERIES
        if getattr(contract.query.model_fields.get(name), "annotation", None) is int
    ],
    ids=lambda part: getattr(part, "route", part),
)
@pytest.mark.parametrize("text", ["007", "%2050", "5_0", "%2B50", "50.0"])
def test_every_number_in_a_query_has_one_spelling(
    administrator: GatewayClient, contract: AnyContract, name: str, text: str
) -> None:
    answer = administrator.call(f"{NAMED_IN_PATH.sub(ANY_ID, contract.route)}?{name}={text}")
    assert_problem(answer, 422)
    assert answer.pointers == {name}


@pytest.mark.parametrize(("route", "parameter"), PATHS)
@pytest.mark.parametrize("text", ["%00", "a%00b", "%ED%A0%80"])
def test_no_path_parameter_that_is_no_text_names_anything(
    administrator: GatewayClient, route: str, parameter: str, text: str
) -> None:
    path = NAMED_IN_PATH.sub(ANY_ID, route.replace(parameter, text))
    assert_problem(administrator.call(path, BODY_OF.get(route)), 404)
