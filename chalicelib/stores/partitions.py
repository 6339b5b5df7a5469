"""The monthly partitions of the large tables: which there are, and how one comes or goes beside everything that runs.

Adding by ATTACH locks the DEFAULT partition alone against others, and an empty one is checked at once; CREATE TABLE …
PARTITION OF would lock the whole table. Dropping locks the whole table, for there is no way around it: PostgreSQL
detaches nothing CONCURRENTLY from a table with a DEFAULT partition (manual, ALTER TABLE, DETACH PARTITION). So whoever
wants such a lock gives up before those who queue behind would notice.
"""

from collections.abc import Callable, Mapping
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.errors import CheckViolation, LockNotAvailable, QueryCanceled

from chalicelib.domain.identity import KeyRange
from chalicelib.domain.retention import Change, Month, Table
from chalicelib.stores.postgres import Database

LOCK_TIMEOUT_MS = 250
"""For so long, at most, all others wait for a lock that is waited for. It is asked for three times in a drop."""

STATEMENT_TIMEOUT_MS = 5_000

FIND: LiteralString = """
    SELECT parent.relname, child.relname
    FROM pg_inherits i JOIN pg_class child ON child.oid = i.inhrelid JOIN pg_class parent ON parent.oid = i.inhparent
    WHERE parent.relnamespace = 'notifications'::regnamespace AND parent.relname = ANY (%(tables)s)
"""

# The settings and the lock of the makers of partitions end with the transaction.
BEGIN: LiteralString = """
    SELECT set_config('lock_timeout', %(lock_ms)s, true), set_config('statement_timeout', %(statement_ms)s, true)
"""
TAKE_TURN: LiteralString = "SELECT pg_advisory_xact_lock(hashtext('carillon.partitions'))"

CREATE = sql.SQL("CREATE TABLE {partition} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
ATTACH = sql.SQL("ALTER TABLE {table} ATTACH PARTITION {partition} FOR VALUES FROM ({first}) TO ({end})")
LOCK = sql.SQL("LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE")
DROP = sql.SQL("DROP TABLE {partition}")

HOLDS_OPEN: LiteralString = """
    SELECT FROM notifications.deliveries
    WHERE id >= %(first)s AND id < %(end)s AND wake_at IS NOT NULL LIMIT 1
"""


class PartitionStore:
    """Safe beside accepts, workers, relays and others that add or drop. Raises DatabaseUnavailable."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find(self) -> Mapping[Table, frozenset[Month]]:
        """The months that have a partition, by table."""
        with self._database.session() as connection:
            return _found(connection)

    def add(self, table: Table, month: Month) -> Change:
        """Give the month a partition, unless it has one. It is blocked while the DEFAULT partition has rows of it."""

        def change(connection: psycopg.Connection) -> Change:
            if month not in _found(connection)[table]:
                connection.execute(CREATE.format(**_names(table, month)))
                connection.execute(ATTACH.format(**_names(table, month), **_bounds(month)))
            return Change.DONE

        return self._changed(change)

    def drop(self, table: Table, month: Month) -> Change:
        """Remove a month with all its rows, unless it is gone. It is blocked by a delivery of the month that is open.

        Whoever inserts into the table, or reopens a delivery, waits meanwhile: what is closed then stays so.
        """

        def change(connection: psycopg.Connection) -> Change:
            connection.execute(LOCK.format(table=_table(table)))
            if month in _found(connection)[table]:
                if holds_open(connection, month.keys):
                    return Change.BLOCKED
                connection.execute(DROP.format(partition=_names(table, month)["partition"]))
            return Change.DONE

        return self._changed(change)

    def _changed(self, change: Callable[[psycopg.Connection], Change]) -> Change:
        """One transaction, which holds no lock beyond its end and waits for none longer than others can wait for it."""
        timeouts = {"lock_ms": str(LOCK_TIMEOUT_MS), "statement_ms": str(STATEMENT_TIMEOUT_MS)}
        with self._database.session() as connection:
            try:
                with connection.transaction():
                    connection.execute(BEGIN, timeouts)
                    connection.execute(TAKE_TURN)
                    return change(connection)
            except (LockNotAvailable, QueryCanceled):
                return Change.BUSY
            except CheckViolation:
                return Change.BLOCKED


def holds_open(connection: psycopg.Connection, keys: KeyRange) -> bool:
    """Whether a delivery in that range is open; reads one entry of the index over what is."""
    return connection.execute(HOLDS_OPEN, {"first": keys.first, "end": keys.end}).fetchone() is not None


def _found(connection: psycopg.Connection) -> Mapping[Table, frozenset[Month]]:
    found: dict[Table, set[Month]] = {table: set() for table in Table}
    for parent, child in connection.execute(FIND, {"tables": list(Table)}):
        month = Month.named(child.removeprefix(f"{parent}_"))
        if month is not None:
            found[Table(parent)].add(month)
    return {table: frozenset(months) for table, months in found.items()}


def _names(table: Table, month: Month) -> Mapping[str, sql.Identifier]:
    return {"table": _table(table), "partition": sql.Identifier("notifications", f"{table}_{month.name}")}


def _table(table: Table) -> sql.Identifier:
    return sql.Identifier("notifications", table)


def _bounds(month: Month) -> Mapping[str, sql.Literal]:
    return {"first": sql.Literal(str(month.keys.first)), "end": sql.Literal(str(month.keys.end))}
