"""Gives an API client another secret."""

from typing import Protocol

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.client import RegisteredClient, digest_secret, new_secret
from chalicelib.errors import NotFound
from chalicelib.services.create_client import ClientWithSecret
from chalicelib.services.ports import Clock


class RotatedClients(Protocol):
    def rotate(self, client_id: str, *, secret_hash: bytes, audit: NewAudit) -> RegisteredClient | None: ...


def rotate_client(client_id: str, *, by: Actor, clients: RotatedClients, clock: Clock) -> ClientWithSecret:
    """The client with its new secret. The secret it had is good for 24 h more; one from before that is dead.

    Raises:
        NotFound: there is no such client, or it was revoked.
        DatabaseUnavailable: nothing was changed, or it is not known whether it was; the secret it had is good.
    """
    now, secret = clock(), new_secret()
    entry = new_audit(by, "client.rotated", f"client:{client_id}", at=now)
    rotated = clients.rotate(client_id, secret_hash=digest_secret(secret), audit=entry)
    if rotated is None:
        raise NotFound("There is no such client.", code="client_not_found")
    return ClientWithSecret(rotated, secret)
