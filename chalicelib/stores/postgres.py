"""One PostgreSQL connection an execution environment, kept between invocations and replaced when it died.

A session is one use of it. Connections run in autocommit; what must be one transaction says so. Server-side prepared
statements are off, because RDS Proxy pins a session that uses them (RDS Proxy, "Avoiding pinning").
"""

import select
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from chalicelib.errors import DatabaseUnavailable

CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 10_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000
UNANSWERED_TIMEOUT_MS = 10_000
KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVES = 5, 2, 3
"""A server that vanished without a word is noticed after ten seconds or so, and not after TCP's two hours."""

LOST = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
"""Errors of the connection or the server's state. A primary that became a standby answers with an InternalError (25006,
read_only_sql_transaction), and a connection to it would never be of use again."""


class Database:
    """Gives sessions on one database. Used by one thread at a time."""

    def __init__(self, url: str, *, application_name: str = "carillon") -> None:
        self._url = url
        self._application_name = application_name
        self._connection: psycopg.Connection | None = None

    @contextmanager
    def session(self) -> Iterator[psycopg.Connection]:
        """A connection for the length of the block.

        An error of the connection or of the server's state closes it, and the next session opens a new one.

        Raises:
            DatabaseUnavailable: there is no connection, or it was lost within the block. What the block wrote outside a
                finished transaction is undone; whether a commit under way took place is not known.
        """
        try:
            connection = self._opened()
            yield connection
        except LOST as error:
            self.close()
            raise DatabaseUnavailable(f"PostgreSQL: {type(error).__name__}") from error
        finally:
            if self._connection is not None and self._connection.closed:
                self._connection = None

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> psycopg.Connection:
        if self._connection is None:
            self._connection = self._connect()
        elif self._died_while_idle(self._connection):
            self.close()
            self._connection = self._connect()
        return self._connection

    @staticmethod
    def _died_while_idle(connection: psycopg.Connection) -> bool:
        """Whether the server hung up since the last session; costs no round trip."""
        return connection.closed or connection.pgconn.status != psycopg.pq.ConnStatus.OK or _has_hung_up(connection)

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            self._url,
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=CONNECT_TIMEOUT_S,
            tcp_user_timeout=UNANSWERED_TIMEOUT_MS,
            keepalives_idle=KEEPALIVE_IDLE_S,
            keepalives_interval=KEEPALIVE_INTERVAL_S,
            keepalives_count=KEEPALIVES,
            application_name=self._application_name,
            options=f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC "
            f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MS}",
        )


def _has_hung_up(connection: psycopg.Connection) -> bool:
    """An idle session has nothing to read, unless the server said goodbye or closed the socket."""
    readable, _, _ = select.select([connection.fileno()], [], [], 0)
    return bool(readable)
