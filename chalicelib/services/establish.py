"""Establishes who may use a fresh installation: its first administrator and its first API client."""

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from chalicelib.domain.client import ApiClient, digest_secret
from chalicelib.domain.identity import new_id
from chalicelib.domain.principal import Scope
from chalicelib.services.ports import Clock


@dataclass(frozen=True, slots=True)
class FirstAdmin:
    email: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FirstClient:
    client_id: str
    name: str
    scopes: frozenset[Scope]
    client_secret: str = field(repr=False)


class Founders(Protocol):
    def add_admin(self, user_id: UUID, *, email: str, password_hash: str) -> None: ...

    def add_client(self, client: ApiClient) -> None: ...


class Hasher(Protocol):
    def __call__(self, password: str, /) -> str: ...


def establish(
    *,
    admin: FirstAdmin | None,
    client: FirstClient | None,
    founders: Founders,
    hash_password: Hasher,
    clock: Clock,
) -> None:
    """Add each of the two unless it is there already; what is there is not changed, so a second call does nothing.

    Raises:
        DatabaseUnavailable: which of the two were added is not known; calling again is right.
    """
    if admin is not None:
        founders.add_admin(new_id(clock()), email=admin.email, password_hash=hash_password(admin.password))
    if client is not None:
        digest = digest_secret(client.client_secret)
        founders.add_client(ApiClient(client.client_id, client.name, client.scopes, digest))
