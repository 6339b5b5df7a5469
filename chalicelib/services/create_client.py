"""Registers an API client."""

from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.client import NewClient, RegisteredClient, digest_secret, new_secret
from chalicelib.domain.identity import new_id
from chalicelib.domain.principal import Scope
from chalicelib.services.ports import Clock


@dataclass(frozen=True, slots=True)
class CreateClient:
    """A client as it was described; every field has been checked."""

    name: str
    scopes: frozenset[Scope]
    rate_limit: str | None
    by: Actor


@dataclass(frozen=True, slots=True)
class ClientWithSecret:
    """A client and the secret that it was given just now, which nobody can read again; it does not show in a repr."""

    client: RegisteredClient
    secret: str

    def __repr__(self) -> str:
        return f"ClientWithSecret(client={self.client})"


class NewClients(Protocol):
    def insert(self, client: NewClient, *, audit: NewAudit) -> RegisteredClient: ...


def create_client(command: CreateClient, *, clients: NewClients, clock: Clock) -> ClientWithSecret:
    """The client as stored, with its secret.

    Raises:
        DatabaseUnavailable: nothing was stored, or it is not known whether it was; then it is in the list of clients.
    """
    now, secret = clock(), new_secret()
    client = NewClient(
        id=new_id(now),
        name=command.name,
        scopes=command.scopes,
        rate_limit=command.rate_limit,
        secret_hash=digest_secret(secret),
    )
    scopes = sorted(command.scopes)
    entry = new_audit(
        command.by, "client.created", f"client:{client.id}", at=now, scopes=scopes, rate_limit=command.rate_limit
    )
    return ClientWithSecret(clients.insert(client, audit=entry), secret)
