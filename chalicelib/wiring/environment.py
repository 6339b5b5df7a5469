"""What all parts share: settings, clock, log, and one connection to each server."""

import threading
from datetime import UTC, datetime
from functools import cache

from chalicelib.broker.publisher import Publisher
from chalicelib.observability import PowertoolsLog
from chalicelib.observability import log as powertools_log
from chalicelib.settings import Settings, load_settings
from chalicelib.stores.cache import Cache
from chalicelib.stores.postgres import Database

STORES = ("users", "templates", "notifications")


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
def _database_at(url: str) -> Database:
    """Equal URLs share one connection."""
    return Database(url)


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
    return Publisher(settings().rabbitmq_url.get_secret_value())
