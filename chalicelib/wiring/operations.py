"""How the installation is doing, and what was done to it."""

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol
from uuid import UUID

from chalicelib.broker.topology import LANES
from chalicelib.channels.registry import provider_names
from chalicelib.domain.audit import Actor
from chalicelib.domain.databases import STORES
from chalicelib.services import check_health as checking
from chalicelib.services import list_circuits as circuit_listing
from chalicelib.services import read_audit as reading
from chalicelib.services import reset_circuit as circuit_resetting
from chalicelib.services.list_circuits import CircuitReport
from chalicelib.services.read_audit import AuditFilter, AuditPage
from chalicelib.stores.audit import AuditOnlyStore, AuditStore
from chalicelib.stores.pings import ping_cache, ping_databases
from chalicelib.wiring.environment import (
    RABBITMQ,
    circuits,
    clock,
    database,
    database_circuit,
    log,
    publisher,
    read_database,
    redis_cache,
    replica_circuit,
    settings,
)
from chalicelib.wiring.kept import kept

BROKER_CHECK_TIMEOUT_S = 1.0


@kept
def check_health() -> Callable[[], checking.Health]:
    checks: dict[str, checking.Check] = {
        "postgresql": partial(ping_databases, [database(store) for store in STORES]),
        "redis": partial(ping_cache, redis_cache()),
        "rabbitmq": partial(publisher().count_ready, LANES[0], timeout_s=BROKER_CHECK_TIMEOUT_S),
    }
    check = partial(
        checking.check_health,
        checks=checks,
        required={"postgresql"},
        circuits=list_circuits(),
        required_circuits={database_circuit(store) for store in STORES},
        monotonic_s=time.monotonic,
    )
    return checking.RememberedHealth(check=check, monotonic_s=time.monotonic)


def circuit_names() -> list[str]:
    """Every circuit of this installation, whether anything has ever failed there or not."""
    primaries, replicas = map(database_circuit, STORES), map(replica_circuit, STORES)
    databases = dict.fromkeys([*primaries, *replicas])
    providers = [f"{channel}:{name}" for channel, name in provider_names(settings().provider_urls)]
    return [*databases, RABBITMQ, *providers]


@kept
def list_circuits() -> Callable[[], list[CircuitReport]]:
    return partial(circuit_listing.list_circuits, names=circuit_names(), circuits=circuits(), clock=clock)


class ResetCircuit(Protocol):
    def __call__(self, name: str, /, *, by: Actor) -> CircuitReport: ...


@kept
def reset_circuit() -> ResetCircuit:
    return partial(
        circuit_resetting.reset_circuit,
        names=circuit_names(),
        circuits=circuits(),
        trail=AuditOnlyStore(database=database("notifications"), store="notifications"),
        clock=clock,
        log=log(),
    )


class ReadAudit(Protocol):
    def __call__(self, wanted: AuditFilter, /, *, before: UUID | None, limit: int) -> AuditPage: ...


@kept
def read_audit() -> ReadAudit:
    trails = [AuditStore(database=read_database(store), store=store) for store in STORES]
    return partial(reading.read_audit, trails=trails)
