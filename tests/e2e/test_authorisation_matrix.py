"""Every route of the route table against every way to have no right to it. What is expected follows from its contract.

Every request carries an unknown query parameter, so that whoever is let in is told 422, and nothing is done.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

import pytest

import app
from chalicelib.domain.principal import Scope
from chalicelib.handlers.access import PERSON
from chalicelib.handlers.contract import contract_of
from chalicelib.handlers.routes import load_routes
from tests.e2e.api import EMAIL, Client, Json, address, succeeded, unique
from tests.e2e.forgeries import Signer, claims_of, forge_all
from tests.e2e.waiting import eventually
from tests.e2e.worlds import Deployment

load_routes(app.app)
CONTRACTS = {
    contract.route: contract
    for methods in app.app.routes.values()
    for entry in methods.values()
    if (contract := contract_of(entry.view_function)) is not None
}
PROTECTED = [route for route, contract in CONTRACTS.items() if contract.access.needs_token]
OPEN = [route for route, contract in CONTRACTS.items() if not contract.access.needs_token]
OWN = [route for route in PROTECTED if CONTRACTS[route].access.or_own]
PASSWORD = "correct horse battery"
REVOKED_WITHIN_S = 5.0
LET_IN, REFUSED, FORBIDDEN, ABSENT = 422, 401, 403, 404


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a session."""

    id: str
    token: str


@dataclass(frozen=True, slots=True)
class World:
    """Who asks, and what there is to ask for. All things in `names` are another person's than `person`."""

    client: Client
    names: Mapping[str, str]
    signer: Signer
    person: Person
    administrator: Person
    without: Mapping[Scope, str]
    with_only: Mapping[Scope, str]
    revoked: str
    revoked_at_s: float

    def status(self, route: str, token: str | None, *, own: str | None = None) -> int:
        """What the route answers to this token; `own` stands in the path in place of the other person's id."""
        names = self.names if own is None else {**self.names, PERSON: own}
        target = f"{route.format_map(names)}?surprise=1"
        answer = self.client.call(target, headers={"Authorization": None if token is None else f"Bearer {token}"})
        if answer.status_code in (REFUSED, FORBIDDEN):
            assert "WWW-Authenticate" in answer.headers
        return answer.status_code


class Fallback(dict[str, str]):
    """What a path names that the world knows nothing of: an id of nothing."""

    def __missing__(self, name: str) -> str:
        return str(uuid4())


@pytest.fixture(scope="module")
def world(client: Client, deployment: Deployment, addresses: Mapping[str, str]) -> World:
    other = client.create_user(password=PASSWORD)
    code = client.publish_template(EMAIL)
    accepted = client.notify(template_code=code, user_id=other["id"])
    client.wait_ended(accepted["notification_id"])
    every = frozenset(Scope) - {Scope.ADMIN}
    names = Fallback(
        user_id=other["id"],
        device_id=client.add_device(other["id"])["id"],
        notification_id=accepted["notification_id"],
        failure_id=failed(client, code)["id"],
        code=code,
        number="1",
        client_id=new_client(client, every)["client_id"],
        name="postgresql",
    )
    plan = json.loads(deployment.layout.plan.read_text())
    revoked = revoked_token(client)
    return World(
        revoked=revoked,
        revoked_at_s=time.monotonic(),
        client=client,
        names=names,
        signer=Signer(plan["signing_key_id"], plan["signing_key"]),
        person=logged_in(client, client.create_user(email=(email := address()), password=PASSWORD)["id"], email),
        administrator=logged_in(client, "", addresses["ADMIN_EMAIL"], password=addresses["ADMIN_PASSWORD"]),
        without={scope: token_of(client, new_client(client, every - {scope})) for scope in every},
        with_only={scope: token_of(client, new_client(client, frozenset({scope}))) for scope in Scope},
    )


def new_client(client: Client, scopes: frozenset[Scope]) -> Json:
    return succeeded(client.call("POST /v1/clients", {"name": unique("matrix"), "scopes": sorted(scopes)}))


def failed(client: Client, code: str) -> Json:
    """Something that failed, and waits for a decision."""
    accepted = client.notify(template_code=code, recipient={"email": address("reject")})
    client.wait_ended(accepted["notification_id"])
    (failure,) = succeeded(client.call(f"GET /v1/failed?notification_id={accepted['notification_id']}"))["items"]
    return failure


def token_of(client: Client, made: Json) -> str:
    credentials = {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    return str(succeeded(client.call("POST /v1/auth/token", credentials))["access_token"])


def revoked_token(client: Client) -> str:
    """The access token of a client that has the right to all, has made use of it, and was revoked just now."""
    made = new_client(client, frozenset({Scope.ADMIN}))
    token = token_of(client, made)
    for _ in range(10):
        succeeded(client.call("GET /v1/users", headers={"Authorization": f"Bearer {token}"}))
    succeeded(client.call(f"DELETE /v1/clients/{made['client_id']}"))
    return token


def logged_in(client: Client, user_id: str, email: str, *, password: str = PASSWORD) -> Person:
    answer = succeeded(client.call("POST /v1/auth/login", {"email": email, "password": password}))
    return Person(user_id or str(claims_of(answer["access_token"])["sub"]), answer["access_token"])


@pytest.mark.parametrize("route", OPEN)
def test_an_open_route_refuses_nobody_whatever_token_they_bring(route: str, world: World) -> None:
    assert world.status(route, None) == LET_IN
    for token in forge_all(world.signer, claims_of(world.client.token)).values():
        assert world.status(route, token) == LET_IN


@pytest.mark.parametrize("bearer", ["a client", "a person"])
@pytest.mark.parametrize("route", PROTECTED)
def test_a_token_that_does_not_hold_is_refused(route: str, bearer: str, world: World) -> None:
    good = world.client.token if bearer == "a client" else world.administrator.token
    bad: dict[str, str | None] = {"none": None, **forge_all(world.signer, claims_of(good))}
    assert {what: world.status(route, token) for what, token in bad.items()} == dict.fromkeys(bad, REFUSED)


@pytest.mark.parametrize("route", [route for route in PROTECTED if route.startswith("GET ")])
def test_head_is_guarded_as_get_is(route: str, world: World) -> None:
    assert world.status(f"HEAD {route.removeprefix('GET ')}", None) == REFUSED
    assert world.status(f"HEAD {route.removeprefix('GET ')}", world.administrator.token) == LET_IN


def test_the_signer_of_these_tests_signs_tokens_that_hold(world: World) -> None:
    for token in (world.client.token, world.administrator.token):
        assert world.status("GET /v1/users", world.signer.sign(claims_of(token))) == LET_IN


@pytest.mark.parametrize("route", PROTECTED)
def test_a_client_is_let_in_by_the_scope_of_the_route_alone(route: str, world: World) -> None:
    needed = CONTRACTS[route].access.scope
    expected = {scope: LET_IN if needed not in (None, Scope.ADMIN, scope) else FORBIDDEN for scope in world.without}
    assert {scope: world.status(route, token) for scope, token in world.without.items()} == expected
    single = {scope: LET_IN if needed is not None and scope in (needed, Scope.ADMIN) else FORBIDDEN for scope in Scope}
    assert {scope: world.status(route, token) for scope, token in world.with_only.items()} == single


@pytest.mark.parametrize("route", PROTECTED)
def test_an_administrator_is_let_in_everywhere(route: str, world: World) -> None:
    assert world.status(route, world.administrator.token) == LET_IN


@pytest.mark.parametrize("route", PROTECTED)
def test_a_person_is_let_in_to_what_is_their_own_alone(route: str, world: World) -> None:
    access, names_somebody = CONTRACTS[route].access, f"{{{PERSON}}}" in route
    own = LET_IN if access.scope is None or access.or_own else FORBIDDEN
    assert world.status(route, world.person.token, own=world.person.id) == own
    assert world.status(route, world.person.token, own="me") == own
    if names_somebody:
        assert world.status(route, world.person.token) == FORBIDDEN
        assert world.status(route, world.person.token, own=str(uuid4())) == FORBIDDEN


@pytest.mark.parametrize("route", [route for route in PROTECTED if f"{{{PERSON}}}" in route])
def test_an_api_client_is_nobodys_self(route: str, world: World) -> None:
    assert world.status(route, world.with_only[Scope.ADMIN], own="me") == ABSENT


@pytest.mark.parametrize("route", [route for route in OWN if f"{{{PERSON}}}" not in route])
def test_what_a_person_finds_without_naming_anybody_is_their_own(route: str, world: World) -> None:
    """These views narrow the answer themselves: here the request is carried out."""
    assert route.startswith("GET "), "a view that changes things without naming whose needs a test of its own"
    answer = world.client.call(route.format_map(world.names), headers={"Authorization": f"Bearer {world.person.token}"})
    if "{" in route:
        assert answer.status_code == FORBIDDEN, answer.text
    else:
        assert succeeded(answer)["items"] == []
    for name in (PERSON, "notification_id", "device_id"):
        assert world.names[name] not in answer.text


@pytest.fixture(scope="module")
def logged_out(world: World) -> str:
    """The access token of a session that its person has ended."""
    email = address()
    person = logged_in(world.client, world.client.create_user(email=email, password=PASSWORD)["id"], email)
    answer = world.client.call("POST /v1/auth/logout", headers={"Authorization": f"Bearer {person.token}"})
    assert answer.status_code == 204, answer.text
    return person.token


@pytest.fixture(scope="module")
def revoked(world: World) -> str:
    """The access token of an administrating client that was used everywhere before it was revoked."""
    eventually(
        lambda: time.monotonic() >= world.revoked_at_s + REVOKED_WITHIN_S,
        within_s=2 * REVOKED_WITHIN_S,
        otherwise=lambda: "time stands still",
    )
    return world.revoked


@pytest.mark.parametrize("route", PROTECTED)
def test_the_tokens_of_an_ended_session_and_of_a_revoked_client_are_refused(
    route: str, world: World, logged_out: str, revoked: str
) -> None:
    assert world.status(route, logged_out) == REFUSED
    assert world.status(route, revoked) == REFUSED


def test_nothing_of_all_this_has_changed_anything(world: World) -> None:
    user = succeeded(world.client.call(f"GET /v1/users/{world.names[PERSON]}"))
    assert (user["id"], user["created_at"]) == (world.names[PERSON], user["updated_at"])
    assert [device["id"] for device in world.client.devices(user["id"])] == [world.names["device_id"]]
    assert succeeded(world.client.call(f"GET /v1/failed/{world.names['failure_id']}"))["state"] == "failed"
