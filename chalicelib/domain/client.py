"""An API client: a backend that speaks to Carillon with a secret of its own."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chalicelib.domain.principal import Scope
from chalicelib.domain.rate import Rate

SECRET_BYTES = 32
OVERLAP_S = 86_400
"""How long the secret before stays good when a client is given another one."""


@dataclass(frozen=True, slots=True)
class ApiClient:
    """A client with its credentials. A secret itself is nowhere: only its digest is.

    `previous_secret_hash` is that of the secret before, as long as it is still good.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    secret_hash: bytes
    previous_secret_hash: bytes | None = None

    def has_secret(self, secret: str) -> bool:
        """Whether this is a secret of the client, in a time that does not depend on how much of it is right."""
        digest = digest_secret(secret)
        is_present = hmac.compare_digest(digest, self.secret_hash)
        is_previous = hmac.compare_digest(digest, self.previous_secret_hash or self.secret_hash)
        return is_present or is_previous


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client to be registered. `rate_limit` is written as `domain.rate.Rate` reads it; None is everybody's rate."""

    id: UUID
    name: str
    scopes: frozenset[Scope]
    rate_limit: str | None
    secret_hash: bytes


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client as its administrators see it. `key` orders clients by their age."""

    id: str
    key: UUID
    name: str
    scopes: frozenset[Scope]
    rate_limit: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ClientState:
    """What has to be known of a client at each of its requests, whatever its token says."""

    rate: Rate | None


def new_secret() -> str:
    """256 random bits, which no search can find; hence a plain digest of it is safe to store."""
    return secrets.token_urlsafe(SECRET_BYTES)


def digest_secret(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
