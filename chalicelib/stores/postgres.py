"""One PostgreSQL connection an execution environment, kept between invocations and replaced when it died.

A session is one use of it. A circuit stands before the sessions: a server that is down is not asked by every request.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy

import psycopg

from chalicelib.domain.circuit import Breaker, NeverOpen, Permit
from chalicelib.errors import CircuitOpen, DatabaseUnavailable
from chalicelib.stores.connection import ANSWER_TIMEOUT_S, BoundedConnection, connect, is_dead, is_refusal

LOST = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
"""Errors of the connection or the server's state. A primary that became a standby answers with an InternalError (25006,
read_only_sql_transaction), and a connection to it would never be of use again."""

_OF_THE_STATEMENT = (
    psycopg.errors.QueryCanceled,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
"""Lost sessions all the same, but of a server that works: five slow lists must not end the accepting."""


SuccessorOf = Callable[[str], str | None]
"""The URL that stands in place of one whose password was refused, if there is one by now."""


def _no_successor(_url: str) -> str | None:
    return None


class _Line:
    """The one connection, which several databases may share."""

    def __init__(self, url: str, *, application_name: str, answer_timeout_s: float, successor_of: SuccessorOf) -> None:
        self._url = url
        self._application_name = application_name
        self._answer_timeout_s = answer_timeout_s
        self._successor_of = successor_of
        self._connection: BoundedConnection | None = None

    def opened(self) -> BoundedConnection:
        """Raises: psycopg.Error."""
        if self._connection is not None and is_dead(self._connection):
            self.close()
        if self._connection is None:
            self._connection = self._connected()
        return self._connection

    def _connected(self) -> BoundedConnection:
        """A password that was rotated a moment ago costs nobody a session."""
        try:
            return self._connect()
        except psycopg.OperationalError as error:
            successor = self._successor_of(self._url) if is_refusal(error) else None
            if successor is None:
                raise
            self._url = successor
        return self._connect()

    def _connect(self) -> BoundedConnection:
        return connect(self._url, application_name=self._application_name, answer_timeout_s=self._answer_timeout_s)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Database:
    """Gives sessions on one database. Used by one thread at a time."""

    def __init__(
        self,
        url: str,
        *,
        application_name: str = "carillon",
        breaker: Breaker | None = None,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        successor_of: SuccessorOf = _no_successor,
    ) -> None:
        """Without a breaker every session asks the server."""
        self._line = _Line(
            url,
            application_name=application_name,
            answer_timeout_s=answer_timeout_s,
            successor_of=successor_of,
        )
        self._breaker: Breaker = breaker or NeverOpen()

    def regardless(self) -> "Database":
        """The same connection for those who must ask whatever the circuit says, and report nothing to it."""
        return self.behind(NeverOpen())

    def behind(self, breaker: Breaker) -> "Database":
        """The same connection behind another circuit."""
        other = copy(self)
        other._breaker = breaker  # noqa: SLF001  of this very class
        return other

    @contextmanager
    def session(self) -> Iterator[psycopg.Connection]:
        """A connection for the length of the block.

        An error of the connection or of the server's state closes it, and the next session opens a new one.

        Raises:
            DatabaseUnavailable: the circuit is open, there is no connection, or it was lost within the block. What it
                wrote outside a finished transaction is undone; whether a commit under way took place is not known.
        """
        permit = self._entered()
        try:
            yield self._line.opened()
        except LOST as error:
            self._line.close()
            _report(permit, error)
            raise DatabaseUnavailable(f"PostgreSQL: {type(error).__name__}") from error
        except Exception:
            permit.succeeded()
            raise
        permit.succeeded()

    def close(self) -> None:
        """End the connection, if there is one."""
        self._line.close()

    def _entered(self) -> Permit:
        try:
            return self._breaker.enter()
        except CircuitOpen as error:
            retry_after_s = max(1, math.ceil(error.retry_after_s))
            raise DatabaseUnavailable("PostgreSQL: left alone for now", retry_after_s=retry_after_s) from error


def _report(permit: Permit, error: Exception) -> None:
    """Tell the circuit how the server fares: a statement that was ended for its own sake was ended by a server."""
    if isinstance(error, _OF_THE_STATEMENT):
        permit.succeeded()
    else:
        permit.failed()
