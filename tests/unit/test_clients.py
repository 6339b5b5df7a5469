"""API clients: registered, given other secrets, revoked, listed; over a store in memory that keeps the contract."""

from collections.abc import Sequence

import pytest

from chalicelib.domain.audit import Actor
from chalicelib.domain.client import RegisteredClient
from chalicelib.domain.principal import Scope
from chalicelib.errors import NotFound, Unauthenticated
from chalicelib.services.authenticate_client import authenticate_client
from chalicelib.services.create_client import ClientWithSecret, CreateClient, create_client
from chalicelib.services.list_clients import find_client, list_clients
from chalicelib.services.revoke_client import revoke_client
from chalicelib.services.rotate_client import rotate_client
from tests.contract_clients import ClientsContract, Subject
from tests.fakes_auth import FakeClientStore, Mint
from tests.fakes_core import ManualClock

BY = Actor("user:root", "correlation-1")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def clients(clock: ManualClock) -> FakeClientStore:
    return FakeClientStore(clock)


@pytest.fixture
def subject(clients: FakeClientStore, clock: ManualClock) -> Subject:
    def audits() -> Sequence[tuple[str, str]]:
        return [(entry.action, entry.target) for entry in clients.audits]

    return Subject(clients, audits, clock.advance)


class TestClientsInMemory(ClientsContract):
    """The contract, kept by the fake."""


def billing(clients: FakeClientStore, clock: ManualClock) -> ClientWithSecret:
    command = CreateClient(name="Billing", scopes=frozenset({Scope.USERS_READ}), rate_limit="10/minute", by=BY)
    return create_client(command, clients=clients, clock=clock)


def opens(secret: str, client: RegisteredClient, clients: FakeClientStore, clock: ManualClock) -> bool:
    try:
        authenticate_client(client.id, secret, clients=clients, tokens=Mint(), clock=clock)
    except Unauthenticated:
        return False
    return True


def test_a_new_client_has_a_secret_that_opens_and_does_not_show(clients: FakeClientStore, clock: ManualClock) -> None:
    made = billing(clients, clock)
    assert opens(made.secret, made.client, clients, clock)
    assert len(made.secret) == 43
    assert made.secret not in repr(made)
    (entry,) = clients.audits
    assert (entry.actor, entry.action, entry.target) == (BY, "client.created", f"client:{made.client.id}")
    assert entry.detail == {"scopes": ["users:read"], "rate_limit": "10/minute"}


def test_another_secret_leaves_a_day_to_change_over(clients: FakeClientStore, clock: ManualClock) -> None:
    made = billing(clients, clock)
    rotated = rotate_client(made.client.id, by=BY, clients=clients, clock=clock)
    assert rotated.secret != made.secret
    assert opens(made.secret, made.client, clients, clock)
    assert opens(rotated.secret, made.client, clients, clock)
    clock.advance(86_401)
    assert not opens(made.secret, made.client, clients, clock)
    assert opens(rotated.secret, made.client, clients, clock)


def test_a_revoked_client_gets_no_token_and_is_not_found(clients: FakeClientStore, clock: ManualClock) -> None:
    made = billing(clients, clock)
    revoke_client(made.client.id, by=BY, clients=clients, clock=clock)
    assert not opens(made.secret, made.client, clients, clock)
    with pytest.raises(NotFound):
        revoke_client(made.client.id, by=BY, clients=clients, clock=clock)
    with pytest.raises(NotFound):
        rotate_client(made.client.id, by=BY, clients=clients, clock=clock)
    with pytest.raises(NotFound):
        find_client(made.client.id, clients=clients)


def test_clients_are_listed_in_pages(clients: FakeClientStore, clock: ManualClock) -> None:
    made = []
    for _ in range(3):
        clock.advance(1)
        made.append(billing(clients, clock).client)
    first = list_clients(before=None, limit=2, clients=clients)
    assert (first.clients, first.more) == ((made[2], made[1]), True)
    second = list_clients(before=first.clients[-1].key, limit=2, clients=clients)
    assert (second.clients, second.more) == ((made[0],), False)
    assert find_client(made[0].id, clients=clients) == made[0]
