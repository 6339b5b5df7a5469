"""The whole interface under schemathesis: as it is described, so it answers, whoever asks."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from offline.stack.stack import Stack
from offline.stack.testbed import private_stack
from tests.conftest import SETTINGS
from tests.e2e.api import Client, Json, address, succeeded
from tests.e2e.fuzzing.fuzzer import Findings, Fuzzer

EXAMPLES = 2000
PASSWORD = "correct horse battery"
# The coverage of parameters is the same whoever asks; logging out has a test of its own.
IN_A_SESSION = ("--max-examples", "5", "--phases", "examples,fuzzing,stateful", "--exclude-operation-id", "log_out")

SELDOM_ACCEPTED = {
    # nobody guesses a secret, a password or a refresh token: tests/e2e/test_sessions.py gives the right ones
    *("POST /v1/auth/token", "POST /v1/auth/login", "POST /v1/auth/refresh"),
    "POST /v1/auth/logout",  # a client has no session
    "DELETE /v1/users/{user_id}/devices/{device_id}",  # two ids that belong together are rarely met
    "GET /openapi.json",  # fetched, and left out, by schemathesis itself
}
TEMPLATE = {
    "code": "order-shipped",
    "name": "Order shipped",
    "default_locale": "en",
    "contents": [{"channel": "email", "locale": "en", "subject": "On its way", "html": "<p>On its way</p>"}],
}


@dataclass(frozen=True, slots=True)
class World:
    """A stack with nothing in it that these tests could harm, and who asks there: by token, and by id."""

    address: str
    client: Client
    tokens: dict[str, str]
    ids: dict[str, str]

    def fuzz(self, token: str, folder: Path, *options: str) -> Findings:
        """One run that must find nothing."""
        protected = list(self.ids.values())
        fuzzer = Fuzzer(self.address, folder, token, user_id=self.ids["person"], protected_ids=protected)
        findings = fuzzer.run(*options)
        assert findings.passed, findings.printed[-20_000:]
        failed = {name: counts for name, counts in findings.statuses.items() if max(counts) >= 500}
        assert failed == {}
        return findings

    def own_id(self, who: str) -> str:
        return str(self.ask("GET /v1/users/me", self.tokens[who])["id"])

    def ask(self, route: str, token: str) -> Json:
        return succeeded(self.client.call(route, headers={"Authorization": f"Bearer {token}"}))

    def log_in(self, email: str, password: str) -> str:
        """The access token of a new session."""
        answer = httpx.post(f"{self.address}/v1/auth/login", json={"email": email, "password": password}, timeout=30)
        return str(succeeded(answer)["access_token"])


@pytest.fixture(scope="module")
def fuzzed_stack() -> Iterator[Stack]:
    with private_stack(settings=SETTINGS) as stack:
        stack.up()
        yield stack


@pytest.fixture(scope="module")
def world(fuzzed_stack: Stack) -> Iterator[World]:
    """With something for requests to find: a published template under the code of the examples, and failures."""
    told = fuzzed_stack.addresses
    client = Client(told)
    succeeded(client.call("POST /v1/templates", TEMPLATE))
    succeeded(client.call("POST /v1/templates/order-shipped/versions/1/publish"))
    fail_some(client)
    person = client.create_user(password=PASSWORD)
    world = World(told["API_URL"], client, {"client": client.token}, {"client": told["CLIENT_ID"]})
    world.tokens["administrator"] = world.log_in(told["ADMIN_EMAIL"], told["ADMIN_PASSWORD"])
    world.tokens["person"] = world.log_in(person["email"], PASSWORD)
    world.ids.update({who: world.own_id(who) for who in ("administrator", "person")})
    yield world
    client.close()


def fail_some(client: Client) -> None:
    """Failures to look at, to replay and to discard."""
    failing = [client.notify(template_code="order-shipped", recipient={"email": address("reject")}) for _ in range(20)]
    client.wait_all_ended([each["notification_id"] for each in failing], within_s=60)


def test_a_client_with_every_scope_gets_what_is_described(world: World, tmp_path: Path) -> None:
    findings = world.fuzz(world.tokens["client"], tmp_path, "--max-examples", "15")
    assert findings.requests >= EXAMPLES
    assert world.ask("GET /v1/clients", world.tokens["client"]), "the caller lost its access on the way"
    paths = httpx.get(f"{world.address}/openapi.json").json()["paths"]
    described = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert described - findings.accepted() <= SELDOM_ACCEPTED


@pytest.mark.parametrize("who", ["administrator", "person"])
def test_somebody_in_a_session_gets_what_is_described(who: str, world: World, tmp_path: Path) -> None:
    world.fuzz(world.tokens[who], tmp_path, *IN_A_SESSION)
    assert world.own_id(who) == world.ids[who], "the caller lost its access on the way"


def test_logging_out_answers_as_described(world: World, tmp_path: Path) -> None:
    email = world.client.create_user(password=PASSWORD)["email"]
    options = ("--max-examples", "15", "--phases", "examples,coverage,fuzzing", "--include-operation-id", "log_out")
    findings = world.fuzz(world.log_in(email, PASSWORD), tmp_path, *options)
    assert {204, 401} <= set(findings.statuses["POST /v1/auth/logout"])
