"""Ends what an API client may do."""

from typing import Protocol

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.client import RegisteredClient
from chalicelib.errors import NotFound
from chalicelib.services.ports import Clock


class RevokedClients(Protocol):
    def revoke(self, client_id: str, *, audit: NewAudit) -> RegisteredClient | None: ...


def revoke_client(client_id: str, *, by: Actor, clients: RevokedClients, clock: Clock) -> None:
    """No secret of the client is good from now on, and within five seconds no token of it.

    Raises:
        NotFound: there is no such client, or it was revoked before.
        DatabaseUnavailable: it is not known whether it was revoked; calling again is right.
    """
    entry = new_audit(by, "client.revoked", f"client:{client_id}", at=clock())
    if clients.revoke(client_id, audit=entry) is None:
        raise NotFound("There is no such client.", code="client_not_found")
