"""What all parts share: settings, clock, log, and one connection to each server."""

import threading
import time
from datetime import UTC, datetime
from functools import cache

from chalicelib.broker.publisher import Publisher
from chalicelib.domain.circuit import CircuitRules
from chalicelib.observability import PowertoolsLog
from chalicelib.observability import log as powertools_log
from chalicelib.services.breaker import CircuitBreaker, LocalCircuits, SharedCircuits
from chalicelib.settings import Settings, load_settings
from chalicelib.stores.cache import Cache
from chalicelib.stores.circuits import RedisCircuits
from chalicelib.stores.postgres import Database

STORES = ("users", "templates", "notifications")
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
def settings() -> Settings:
    return load_settings()


@cache
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


@cache
def breaker(circuit: str) -> CircuitBreaker:
    return CircuitBreaker(circuit, circuits=circuits(), log=log(), monotonic_s=time.monotonic)


@cache
def database_circuits() -> dict[str, str]:
    """The circuit of each database's URL: equal URLs are one server. A replica has its own, that of reading alone."""
    names = {settings().database_url.get_secret_value(): POSTGRESQL}
    for store in STORES:
        names.setdefault(settings().database_url_of(store), f"{POSTGRESQL}:{store}")
    for store in STORES:
        names.setdefault(settings().read_url_of(store), f"{POSTGRESQL}:{store}:read")
    return names


@cache
def _database_at(url: str) -> Database:
    """Equal URLs share one connection."""
    return Database(url, breaker=breaker(database_circuits()[url]))


def database(store: str) -> Database:
    return _database_at(settings().database_url_of(store))


def read_database(store: str) -> Database:
    """The store's replica, or the store itself. For lists, which may be a moment behind."""
    return _database_at(settings().read_url_of(store))


@cache
def redis_cache() -> Cache:
    return Cache(settings().redis_url.get_secret_value())


@cache
def publisher() -> Publisher:
    return Publisher(
        settings().rabbitmq_url.get_secret_value(),
        breaker=breaker(RABBITMQ),
        retry_delays_s=settings().retry_delays.delays_s,
    )
