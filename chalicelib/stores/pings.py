"""The smallest question that shows whether a store answers."""

from collections.abc import Iterable

from chalicelib.errors import CircuitOpen, DatabaseUnavailable
from chalicelib.stores.cache import Cache
from chalicelib.stores.postgres import Database


def ping_databases(databases: Iterable[Database]) -> None:
    """Return when each has run a statement, also while its circuit is open. Raises: DatabaseUnavailable.

    Where a probe is due, the ping is the probe.
    """
    for database in databases:
        try:
            _ping(database)
        except DatabaseUnavailable as error:
            if not isinstance(error.__cause__, CircuitOpen):
                raise
            _ping(database.regardless())


def _ping(database: Database) -> None:
    with database.session() as connection:
        connection.execute("SELECT 1").fetchall()


def ping_cache(cache: Cache) -> None:
    """Return when Redis has answered. Raises: CacheUnavailable."""
    with cache.client() as client:
        client.ping()
