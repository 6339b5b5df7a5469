"""Exchanges an API client's secret for an access token."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.domain.client import ApiClient
from chalicelib.domain.principal import Principal
from chalicelib.errors import Unauthenticated

_NOBODY = ApiClient(id="", name="", scopes=frozenset(), secret_hash=bytes(32))


class Clients(Protocol):
    def find(self, client_id: str) -> ApiClient | None:
        """The client, unless it was revoked. Raises: DatabaseUnavailable."""
        ...


class TokenIssuer(Protocol):
    @property
    def lifetime_s(self) -> int: ...

    def issue(self, principal: Principal, *, at: datetime) -> str: ...


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token; `text` stays out of the repr, and so of every log."""

    text: str
    expires_in_s: int

    def __repr__(self) -> str:
        return f"AccessToken(expires_in_s={self.expires_in_s})"


def authenticate_client(
    client_id: str, client_secret: str, *, clients: Clients, tokens: TokenIssuer, clock: Callable[[], datetime]
) -> AccessToken:
    """A token with the client's scopes. An unknown client costs the same work as a wrong secret.

    Raises:
        Unauthenticated: no such client, or another secret; which of the two is not told.
        DatabaseUnavailable: nobody can be checked.
    """
    found = clients.find(client_id)
    is_right = (found or _NOBODY).has_secret(client_secret)
    if found is None or not is_right:
        raise Unauthenticated("The client id or the secret is wrong.", code="invalid_credentials")
    principal = Principal(subject=found.id, scopes=found.scopes)
    return AccessToken(text=tokens.issue(principal, at=clock()), expires_in_s=tokens.lifetime_s)
