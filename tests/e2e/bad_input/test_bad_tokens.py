"""Who may not: no token, a token that does not hold, and a token that lacks the scope."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.domain.client import ApiClient, digest_secret, new_secret
from chalicelib.domain.principal import Scope
from chalicelib.stores.founders import FounderStore
from chalicelib.stores.postgres import Database
from offline.stack.stack import Stack
from tests.e2e.api import Client, Credentials, unique
from tests.e2e.bad_input.routes import (
    DEVICES,
    NOTIFICATIONS,
    PUBLISH,
    TEMPLATES,
    TOKEN,
    USERS,
    World,
    send,
)
from tests.e2e.problems import problem

NEEDED = {
    USERS: Scope.USERS_WRITE,
    DEVICES: Scope.USERS_WRITE,
    "GET /v1/users/{user}/devices": Scope.USERS_READ,
    "DELETE /v1/users/{user}/devices/{device}": Scope.USERS_WRITE,
    TEMPLATES: Scope.TEMPLATES_WRITE,
    PUBLISH: Scope.TEMPLATES_WRITE,
    NOTIFICATIONS: Scope.NOTIFICATIONS_SEND,
    "GET /v1/notifications/{notification}": Scope.NOTIFICATIONS_READ,
}
HEADERS = (
    *(None, "", "Bearer", "Basic YTpi", "Token YTpi", "bearer garbled", "Bearer a.b.c", "Bearer é"),
    *("Bearer a.b.c d", f"Bearer {'a' * 7000}"),
)
FORGERIES = (
    *("expired", "not valid yet", "for another audience", "of another issuer", "signed by a stranger", "of no key"),
    *("unsigned", "signed with the public text", "changed after it was signed", "without an end", "cut short"),
)


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs as the stack does, whatever it is asked to."""

    key_id: str
    key: str
    claims: Mapping[str, object]

    def sign(self, key: object = None, key_id: str | None = None, **claims: object) -> str:
        stated = {name: value for name, value in {**self.claims, **claims}.items() if value is not None}
        signing = self.key if key is None else key
        return jwt.encode(stated, signing, algorithm="EdDSA", headers={"kid": key_id or self.key_id})  # type: ignore[arg-type]

    def forge(self, forgery: str) -> str:
        hour = timedelta(hours=1)
        now = datetime.now(UTC)
        head, body, signature = self.sign().split(".")
        made = {
            "expired": lambda: self.sign(iat=now - hour, exp=now - timedelta(seconds=1)),
            "not valid yet": lambda: self.sign(iat=now + hour, exp=now + 2 * hour),
            "for another audience": lambda: self.sign(aud="somebody-else"),
            "of another issuer": lambda: self.sign(iss="somebody-else"),
            "signed by a stranger": lambda: self.sign(key=Ed25519PrivateKey.generate()),
            "of no key": lambda: self.sign(key_id="no-such-key"),
            "unsigned": lambda: f"{_packed({'alg': 'none', 'kid': self.key_id})}.{body}.",
            "signed with the public text": lambda: jwt.encode(
                dict(self.claims), "x" * 32, algorithm="HS256", headers={"kid": self.key_id}
            ),
            "changed after it was signed": lambda: f"{head}.{_packed({**self.claims, 'sub': 'admin'})}.{signature}",
            "without an end": lambda: self.sign(exp=None),
            "cut short": lambda: f"{head}.{body}",
        }
        return made[forgery]()


def _packed(part: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


@pytest.fixture(scope="module")
def signer(stack: Stack, client: Client) -> Signer:
    plan = json.loads(stack.layout.plan.read_text())
    claims = jwt.decode(client.token, options={"verify_signature": False})
    return Signer(plan["signing_key_id"], plan["signing_key"], claims)


@pytest.fixture(scope="package")
def limited(stack: Stack, world: World) -> Iterator[Mapping[frozenset[Scope], Client]]:
    """API clients with one scope, with all but one, and with none; `admin` has none of its own but grants all."""
    database = Database(stack.addresses["DATABASE_URL"])
    every = frozenset(Scope) - {Scope.ADMIN}
    wanted = [
        frozenset[Scope](),
        frozenset({Scope.ADMIN}),
        *({scope} for scope in every),
        *(every - {s} for s in every),
    ]
    clients = {}
    for scopes in map(frozenset, wanted):
        secret = new_secret()
        known = ApiClient(id=unique("client"), name="limited", scopes=scopes, secret_hash=digest_secret(secret))
        FounderStore(database=database).add_client(known)
        clients[scopes] = Client(stack.addresses, credentials=Credentials(known.id, secret))
    database.close()
    yield clients
    for client in clients.values():
        client.close()


@pytest.mark.parametrize("pattern", NEEDED)
@pytest.mark.parametrize("header", HEADERS, ids=lambda header: str(header)[:12])
def test_without_a_token_that_holds_it_is_401(header: str | None, pattern: str, client: Client, world: World) -> None:
    answer = send(client, world, pattern, body=world.good.get(pattern), headers={"Authorization": header})
    problem(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_signer_of_these_tests_signs_tokens_that_hold(signer: Signer, client: Client, world: World) -> None:
    headers = {"Authorization": f"Bearer {signer.sign()}"}
    assert send(client, world, "GET /v1/notifications/{notification}", headers=headers).status_code == 200


@pytest.mark.parametrize("pattern", NEEDED)
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_401(forgery: str, pattern: str, signer: Signer, client: Client, world: World) -> None:
    headers = {"Authorization": f"Bearer {signer.forge(forgery)}"}
    answer = send(client, world, pattern, body=world.good.get(pattern), headers=headers)
    problem(answer, 401, "invalid_token")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize("pattern", NEEDED)
def test_a_token_without_the_scope_is_403_whatever_else_it_may(
    pattern: str, limited: Mapping[frozenset[Scope], Client], world: World
) -> None:
    lacking = [client for scopes, client in limited.items() if not scopes & {NEEDED[pattern], Scope.ADMIN}]
    assert len(lacking) == len(Scope) - 1 + 1
    for client in lacking:
        answer = send(client, world, pattern, body=world.good.get(pattern))
        problem(answer, 403, "insufficient_scope")
        assert "insufficient_scope" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("pattern", NEEDED)
def test_a_token_with_the_scope_or_with_admin_gets_past_it(
    pattern: str, limited: Mapping[frozenset[Scope], Client], world: World
) -> None:
    for scopes in (frozenset({NEEDED[pattern]}), frozenset({Scope.ADMIN})):
        answer = send(limited[scopes], world, f"{pattern}?surprise=1", body=world.good.get(pattern))
        problem(answer, 422, "invalid_request")


def test_the_fault_of_the_token_is_told_before_those_of_the_body(client: Client, world: World) -> None:
    for pattern in NEEDED:
        problem(send(client, world, pattern, content=b"{", headers={"Authorization": None}), 401)


def test_wrong_credentials_are_401_and_do_not_tell_which(client: Client, world: World) -> None:
    details = set()
    for change in ({"client_secret": "wrong"}, {"client_id": "nobody"}, {"client_id": "' OR 1=1 --"}):
        answer = send(client, world, TOKEN, body={**world.good[TOKEN], **change}, headers={"Authorization": None})
        details.add(problem(answer, 401, "invalid_credentials")["detail"])
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert len(details) == 1
