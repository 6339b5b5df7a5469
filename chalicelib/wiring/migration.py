"""Bringing an installation to what the code expects."""

import secrets

from chalicelib.domain.audit import Actor
from chalicelib.domain.databases import STORES
from chalicelib.services.establish import Established, FirstAdmin, FirstClient
from chalicelib.services.establish import establish as establishing
from chalicelib.stores.founders import FounderStore
from chalicelib.wiring.environment import clock, database, log, settings


def upgrade_schemas() -> None:
    """Bring every store to this release; one that a later release made is left alone, and told of."""
    from chalicelib.migrations.run import upgrade  # noqa: PLC0415  only `migrate` pays for Alembic

    for store in STORES:
        if not upgrade(store, settings().database_url_of(store)):
            log().warning("schema_of_a_later_release", store=store)


def establish_topology() -> None:
    from chalicelib.broker.establish import establish_topology  # noqa: PLC0415  only `migrate` declares

    establish_topology(settings().reveal("rabbitmq_url"), retry_delays_s=settings().retry_delays.delays_s)


def establish(*, admin: FirstAdmin | None, client: FirstClient | None) -> Established:
    from chalicelib.security.passwords import hash_password  # noqa: PLC0415  bcrypt is `migrate`'s and the API's alone

    return establishing(
        admin=admin,
        client=client,
        by=Actor(name="function:migrate", correlation_id=secrets.token_hex(16)),
        founders=FounderStore(database=database("users").regardless()),
        hash_password=hash_password,
        clock=clock,
    )
