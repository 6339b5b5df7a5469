"""A connection to PostgreSQL that never waits for ever: for a server that is gone, busy, or frozen.

Server-side prepared statements are off, because RDS Proxy pins a session that uses them (RDS Proxy, "Avoiding
pinning"). Nor does RDS Proxy take options at a session's start: a URL with options of its own keeps them, and with an
empty `options=` the server's own parameters are what bounds a statement.
"""

import select
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict

CONNECT_TIMEOUT_S = 3
STATEMENT_TIMEOUT_MS = 10_000
ANSWER_TIMEOUT_S = STATEMENT_TIMEOUT_MS / 1000 + 1
"""A server ends a statement after its timeout and says so. One that says nothing for longer is frozen, or cut off."""

IDLE_IN_TRANSACTION_TIMEOUT_MS = 15_000
UNANSWERED_TIMEOUT_MS = 10_000
SESSION_OPTIONS = {
    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
    "timezone": "UTC",
    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
}
"""What every session runs under. Where the URL's own options win, the server must have the same as its defaults."""

KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVES = 5, 2, 3
"""A host that vanished without a word is noticed after ten seconds or so, and not after TCP's two hours."""


class BoundedConnection(psycopg.Connection[Any]):  # Any: rows of whatever shape a statement has
    """Gives up on a server that is silent for `answer_timeout_s`: a frozen process still acknowledges TCP's packets."""

    answer_timeout_s: float = ANSWER_TIMEOUT_S

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Raises: psycopg.OperationalError, with the connection closed, so that no rollback waits once more."""
        try:
            return super().wait(gen, interval, timeout or self.answer_timeout_s)
        except psycopg.OperationalError as error:
            if error.sqlstate is None:  # nobody said it: the wait itself ended
                self.close()
            raise


def connect(url: str, *, application_name: str, answer_timeout_s: float) -> BoundedConnection:
    """A new connection in autocommit: what must be one transaction says so. Raises: psycopg.Error."""
    connection = BoundedConnection.connect(
        url,
        autocommit=True,
        prepare_threshold=None,
        connect_timeout=CONNECT_TIMEOUT_S,
        tcp_user_timeout=UNANSWERED_TIMEOUT_MS,
        keepalives_idle=KEEPALIVE_IDLE_S,
        keepalives_interval=KEEPALIVE_INTERVAL_S,
        keepalives_count=KEEPALIVES,
        application_name=application_name,
        options=_options(url),
    )
    connection.answer_timeout_s = answer_timeout_s
    return connection


def _options(url: str) -> str:
    given = conninfo_to_dict(url).get("options")
    return " ".join(f"-c {name}={value}" for name, value in SESSION_OPTIONS.items()) if given is None else str(given)


def is_refusal(error: psycopg.OperationalError) -> bool:
    """Whether the server was there, and did not let us in with the password that it had asked for.

    Told by libpq's state: what the server says is in its own language.
    """
    return error.pgconn is not None and error.pgconn.used_password


def is_dead(connection: BoundedConnection) -> bool:
    """Whether it ended, or the server hung up while it lay idle; costs no round trip."""
    if connection.closed or connection.pgconn.status != psycopg.pq.ConnStatus.OK:
        return True
    readable, _, _ = select.select([connection.fileno()], [], [], 0)
    return bool(readable)  # an idle server has nothing to say, unless it is goodbye
