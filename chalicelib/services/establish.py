"""Establishes who may use a fresh installation: its first administrator and its first API client."""

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from chalicelib.domain.audit import Actor, NewAudit, new_audit
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


@dataclass(frozen=True, slots=True)
class Established:
    """Which of the two were added now; None for one that was not asked for."""

    admin: bool | None
    client: bool | None


class Founders(Protocol):
    """Each of the two that add tells whether it did."""

    def has_person(self, email: str) -> bool: ...

    def add_admin(self, user_id: UUID, *, email: str, password_hash: str, audit: NewAudit) -> bool: ...

    def add_client(self, client: ApiClient, *, audit: NewAudit) -> bool: ...


class Hasher(Protocol):
    def __call__(self, password: str, /) -> str: ...


def establish(
    *,
    admin: FirstAdmin | None,
    client: FirstClient | None,
    by: Actor,
    founders: Founders,
    hash_password: Hasher,
    clock: Clock,
) -> Established:
    """Add each of the two unless it is there already; what is there is not changed, so a second call does nothing.

    Raises:
        DatabaseUnavailable: which of the two were added is not known; calling again is right.
    """
    return Established(
        admin=None if admin is None else _add_admin(admin, by, founders, hash_password, clock),
        client=None if client is None else _add_client(client, by, founders, clock),
    )


def _add_admin(admin: FirstAdmin, by: Actor, founders: Founders, hash_password: Hasher, clock: Clock) -> bool:
    if founders.has_person(admin.email):  # a deploy that repeats itself pays for no hashing
        return False
    now = clock()
    user_id = new_id(now)
    entry = new_audit(by, "user.created", f"user:{user_id}", at=now, is_admin=True)
    return founders.add_admin(user_id, email=admin.email, password_hash=hash_password(admin.password), audit=entry)


def _add_client(client: FirstClient, by: Actor, founders: Founders, clock: Clock) -> bool:
    entry = new_audit(
        by, "client.created", f"client:{client.client_id}", at=clock(), scopes=sorted(client.scopes), rate_limit=None
    )
    digest = digest_secret(client.client_secret)
    return founders.add_client(ApiClient(client.client_id, client.name, client.scopes, digest), audit=entry)
