"""The API clients, newest first, and one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from chalicelib.domain.client import RegisteredClient
from chalicelib.errors import NotFound


class ClientList(Protocol):
    """Those that were not revoked. Each raises DatabaseUnavailable."""

    def newest(self, *, before: UUID | None, limit: int) -> Sequence[RegisteredClient]: ...

    def find_registered(self, client_id: str) -> RegisteredClient | None: ...


@dataclass(frozen=True, slots=True)
class ClientPage:
    """Some clients; `more` tells whether others follow the last one."""

    clients: tuple[RegisteredClient, ...]
    more: bool


def list_clients(*, before: UUID | None, limit: int, clients: ClientList) -> ClientPage:
    """At most `limit` clients that follow the one with the key `before`."""
    found = clients.newest(before=before, limit=limit + 1)
    return ClientPage(clients=tuple(found[:limit]), more=len(found) > limit)


def find_client(client_id: str, *, clients: ClientList) -> RegisteredClient:
    """One client. Raises: NotFound."""
    found = clients.find_registered(client_id)
    if found is None:
        raise NotFound("There is no such client.", code="client_not_found")
    return found
