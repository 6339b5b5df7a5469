"""The smallest question that shows whether a store answers."""

from collections.abc import Iterable

from chalicelib.stores.cache import Cache
from chalicelib.stores.postgres import Database


def ping_databases(databases: Iterable[Database]) -> None:
    """Return when each has run a statement. Raises: DatabaseUnavailable."""
    for database in databases:
        with database.session() as connection:
            connection.execute("SELECT 1").fetchall()


def ping_cache(cache: Cache) -> None:
    """Return when Redis has answered. Raises: CacheUnavailable."""
    with cache.client() as client:
        client.ping()
