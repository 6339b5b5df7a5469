"""An API client: a backend that speaks to Carillon with a secret of its own."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from chalicelib.domain.principal import Scope

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class ApiClient:
    """A client as it is stored. The secret itself is nowhere: only its digest is."""

    id: str
    name: str
    scopes: frozenset[Scope]
    secret_hash: bytes

    def has_secret(self, secret: str) -> bool:
        """Whether this is the client's secret, in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(digest_secret(secret), self.secret_hash)


def new_secret() -> str:
    """256 random bits, which no search can find; hence a plain digest of it is safe to store."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest_secret(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
