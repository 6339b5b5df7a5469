"""What all parts share: settings, clock, log, and one connection to each server."""

import threading
import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.broker.publisher import Publisher
from chalicelib.domain.circuit import CircuitRules
from chalicelib.domain.databases import STORES
from chalicelib.domain.secret_rules import RULES
from chalicelib.observability import PowertoolsLog
from chalicelib.observability import log as powertools_log
from chalicelib.services.breaker import CircuitBreaker, LocalCircuits, SharedCircuits
from chalicelib.services.recall_secrets import RecalledSecrets
from chalicelib.settings import Settings, load_settings
from chalicelib.stores.cache import Cache
from chalicelib.stores.circuits import RedisCircuits
from chalicelib.stores.postgres import Database
from chalicelib.wiring.kept import closed_in_the_end, kept

if TYPE_CHECKING:
    from chalicelib.aws_secrets import AwsSecrets

POSTGRESQL, RABBITMQ = "postgresql", "rabbitmq"
SHORTEST_PROBE_S = 20.0
PROBE_MARGIN_S = 5.0
"""A probe's lease outlasts the longest call: a provider's timeout, or a session whose connection must be made first."""


def clock() -> datetime:
    return datetime.now(UTC)


def pause(seconds: float) -> None:
    """Let time pass between two tries."""
    threading.Event().wait(seconds)


def log() -> PowertoolsLog:
    return powertools_log


@cache
def secrets() -> RecalledSecrets:
    """Outlives what is built from them: a value that was good is good for as long as there is no other."""
    return RecalledSecrets(
        fetch=lambda reference: _aws_secrets().fetch(reference),
        check=_check_secret,
        clock=clock,
        log=log(),
        max_age_s=lambda: settings().secret_max_age_s,
    )


def _check_secret(setting: str, value: str) -> None:
    RULES[setting](value)
    if setting == "jwt_private_keys":
        from chalicelib.security.keys import KeyRing  # noqa: PLC0415  only who verifies tokens pays for cryptography

        KeyRing.parse(value)


@kept
def _aws_secrets() -> "AwsSecrets":
    from chalicelib.aws_secrets import AwsSecrets  # noqa: PLC0415  boto3 is for settings that name a secret

    return AwsSecrets()


@kept
def settings() -> Settings:
    return load_settings(secrets().read)


@kept
def circuits() -> SharedCircuits:
    rules = CircuitRules(
        failure_threshold=settings().circuit_failure_threshold,
        open_s=settings().circuit_open_s,
        probe_s=max(SHORTEST_PROBE_S, settings().provider_timeout_s + PROBE_MARGIN_S),
    )
    return SharedCircuits(
        shared=RedisCircuits(cache=redis_cache(), rules=rules),
        alone=LocalCircuits(rules=rules, monotonic_s=time.monotonic),
    )


@kept
def breaker(circuit: str) -> CircuitBreaker:
    return CircuitBreaker(circuit, circuits=circuits(), log=log(), monotonic_s=time.monotonic)


def database_circuit(store: str) -> str:
    """The circuit of the store's database."""
    return _CIRCUITS[settings().database_of(store)]


def replica_circuit(store: str) -> str:
    """The circuit of what `read_database` reads from. A replica has its own, that of reading alone."""
    return _CIRCUITS[settings().replica_of(store)]


_CIRCUITS = {
    "database_url": POSTGRESQL,
    **{f"{store}_database_url": f"{POSTGRESQL}:{store}" for store in STORES},
    **{f"{store}_read_url": f"{POSTGRESQL}:{store}:read" for store in STORES},
}


@kept
def _server_at(url: str) -> Database:
    """Equal URLs share one connection, be they of one secret or of several."""
    return closed_in_the_end(Database(url, successor_of=secrets().successor_of))


@kept
def _database_at(setting: str) -> Database:
    return _server_at(settings().reveal(setting)).behind(breaker(_CIRCUITS[setting]))


def database(store: str) -> Database:
    return _database_at(settings().database_of(store))


def read_database(store: str) -> Database:
    """The store's replica, or the store itself. For lists, which may be a moment behind."""
    return _database_at(settings().replica_of(store))


@kept
def redis_cache() -> Cache:
    return closed_in_the_end(Cache(settings().reveal("redis_url"), doubt=secrets().doubt))


@kept
def publisher() -> Publisher:
    return closed_in_the_end(
        Publisher(
            settings().reveal("rabbitmq_url"),
            breaker=breaker(RABBITMQ),
            retry_delays_s=settings().retry_delays.delays_s,
            doubt=secrets().doubt,
        )
    )
