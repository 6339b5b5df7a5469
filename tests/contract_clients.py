"""What the store of API clients promises, whatever keeps them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.client import OVERLAP_S, NewClient, RegisteredClient, digest_secret
from chalicelib.domain.identity import new_id
from chalicelib.domain.principal import Scope
from chalicelib.domain.rate import Rate
from chalicelib.security.verifier import ClientStates
from chalicelib.services.authenticate_client import Clients
from chalicelib.services.create_client import NewClients
from chalicelib.services.list_clients import ClientList
from chalicelib.services.revoke_client import RevokedClients
from chalicelib.services.rotate_client import RotatedClients

BY = Actor("user:root", "correlation-1")
SCOPES = frozenset({Scope.USERS_READ, Scope.NOTIFICATIONS_SEND})


class Store(Clients, NewClients, RotatedClients, RevokedClients, ClientList, ClientStates, Protocol):
    """Whatever anybody does with clients."""


@dataclass
class Subject:
    """A store, what it has written of changes as (action, target), and a way to let time pass for the secrets in it."""

    clients: Store
    audits: Callable[[], Sequence[tuple[str, str]]]
    let_pass: Callable[[int], None]
    made: int = field(default=0)

    def add(self, *, rate_limit: str | None = None) -> RegisteredClient:
        self.made += 1
        moment = datetime(2026, 11, 22, 12, 0, self.made, tzinfo=UTC)
        client = NewClient(new_id(moment), f"Client {self.made}", SCOPES, rate_limit, digest_secret("first"))
        return self.clients.insert(client, audit=self._audit("client.created", client.id))

    def rotate(self, client_id: str, secret: str) -> RegisteredClient | None:
        audit = self._audit("client.rotated", client_id)
        return self.clients.rotate(client_id, secret_hash=digest_secret(secret), audit=audit)

    def revoke(self, client_id: str) -> RegisteredClient | None:
        return self.clients.revoke(client_id, audit=self._audit("client.revoked", client_id))

    def opens(self, client_id: str, secret: str) -> bool:
        found = self.clients.find(client_id)
        return found is not None and found.has_secret(secret)

    def _audit(self, action: str, client_id: UUID | str) -> NewAudit:
        return new_audit(BY, action, f"client:{client_id}", at=datetime.now(UTC))


class ClientsContract:
    """To be inherited by a class whose module has a fixture `subject`."""

    def test_a_client_is_stored_as_it_was_described(self, subject: Subject) -> None:
        client = subject.add(rate_limit="100/15 minutes")
        assert (client.id, client.name, client.scopes) == (str(client.key), "Client 1", SCOPES)
        assert client.rate_limit == "100/15 minutes"
        assert client.created_at == client.updated_at
        assert subject.clients.find_registered(client.id) == client
        assert subject.opens(client.id, "first")
        assert not subject.opens(client.id, "another")

    def test_its_state_is_its_own_rate_or_none(self, subject: Subject) -> None:
        own, common = subject.add(rate_limit="100/15 minutes"), subject.add()
        own_state, common_state = (subject.clients.find_state(client.id) for client in (own, common))
        assert own_state is not None
        assert own_state.rate == Rate(100, 900)
        assert common_state is not None
        assert common_state.rate is None
        assert subject.clients.find_state("nobody") is None

    def test_two_secrets_overlap_for_a_day(self, subject: Subject) -> None:
        client = subject.add()
        assert subject.rotate(client.id, "second") is not None
        assert subject.opens(client.id, "first")
        assert subject.opens(client.id, "second")
        subject.let_pass(OVERLAP_S - 60)
        assert subject.opens(client.id, "first")
        subject.let_pass(120)
        assert not subject.opens(client.id, "first")
        assert subject.opens(client.id, "second")

    def test_no_three_secrets_overlap(self, subject: Subject) -> None:
        client = subject.add()
        subject.rotate(client.id, "second")
        subject.rotate(client.id, "third")
        assert [subject.opens(client.id, secret) for secret in ("first", "second", "third")] == [False, True, True]

    def test_a_revoked_client_is_nobody(self, subject: Subject) -> None:
        client, other = subject.add(), subject.add()
        assert subject.revoke(client.id) is not None
        assert subject.clients.find(client.id) is None
        assert subject.clients.find_state(client.id) is None
        assert subject.clients.find_registered(client.id) is None
        assert [each.id for each in subject.clients.newest(before=None, limit=9)] == [other.id]
        assert subject.revoke(client.id) is None
        assert subject.rotate(client.id, "second") is None

    def test_clients_come_newest_first_in_pages(self, subject: Subject) -> None:
        added = [subject.add().id for _ in range(5)]
        first = subject.clients.newest(before=None, limit=3)
        second = subject.clients.newest(before=first[-1].key, limit=3)
        assert [client.id for client in (*first, *second)] == added[::-1]

    def test_every_change_is_in_the_trail_and_what_changed_nothing_is_not(self, subject: Subject) -> None:
        client = subject.add()
        subject.rotate(client.id, "second")
        subject.revoke(client.id)
        subject.revoke(client.id)
        subject.rotate(client.id, "third")
        actions = [action for action, target in subject.audits() if target == f"client:{client.id}"]
        assert actions == ["client.created", "client.rotated", "client.revoked"]
