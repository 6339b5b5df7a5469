"""The failed archive, read: pages of it, and single records."""

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import kwargs_row

from chalicelib.domain.failure import Failure, FailureFilter, FailureState, Position, Unread, reason_of
from chalicelib.domain.notification import Channel
from chalicelib.stores.postgres import Database

SHOWN_BODY_BYTES = 256 * 1024
"""How much of a message that nobody could read is shown: as much as a request may be long."""

# Both look at a bounded number of rows, whatever fits, so that a page costs the same wherever it is.
NEWEST: LiteralString = """
    SELECT id, created_at,
           state = %(state)s AND (%(channel)s::text IS NULL OR channel = %(channel)s)
           AND (%(reason)s::text IS NULL OR reason = %(reason)s)
           AND (%(template_code)s::text IS NULL OR template_code = %(template_code)s) AS fits
    FROM notifications.failed
    WHERE (created_at, id) < (coalesce(%(before_at)s::timestamptz, 'infinity'), %(before_id)s)
          AND created_at >= coalesce(%(since)s::timestamptz, '-infinity')
          AND created_at < coalesce(%(until)s::timestamptz, 'infinity')
    ORDER BY created_at DESC, id DESC LIMIT %(most)s
"""

# MATERIALIZED: few records are of one notification, and the index over all times is no way to them.
OF_NOTIFICATION: LiteralString = """
    WITH own AS MATERIALIZED (
        SELECT id, created_at, state, channel, reason, template_code
        FROM notifications.failed WHERE notification_id = %(notification_id)s
    )
    SELECT id, created_at,
           state = %(state)s AND (%(channel)s::text IS NULL OR channel = %(channel)s)
           AND (%(reason)s::text IS NULL OR reason = %(reason)s)
           AND (%(template_code)s::text IS NULL OR template_code = %(template_code)s) AS fits
    FROM own
    WHERE (created_at, id) < (coalesce(%(before_at)s::timestamptz, 'infinity'), %(before_id)s)
          AND created_at >= coalesce(%(since)s::timestamptz, '-infinity')
          AND created_at < coalesce(%(until)s::timestamptz, 'infinity')
    ORDER BY created_at DESC, id DESC LIMIT %(most)s
"""

SELECT_RECORDS: LiteralString = """
    SELECT id AS failure_id, state, reason, detail, provider, provider_code, delivery_id, notification_id, channel,
           template_code, queue, correlation_id, created_at, updated_at, closed_at
    FROM notifications.failed WHERE id = ANY (%(ids)s)
    ORDER BY created_at DESC, id DESC
"""

SELECT_BODY: LiteralString = """
    SELECT substring(body FROM 1 FOR %(most)s), octet_length(body)
    FROM notifications.failed WHERE id = %(id)s AND body IS NOT NULL
"""

LAST_KEY = UUID(int=(1 << 128) - 1)


class FailedRecordStore:
    """Lists may be read from a replica: what was changed this moment may still look as it was."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find_page(
        self, wanted: FailureFilter, *, before: Position | None, limit: int, most: int
    ) -> tuple[Sequence[Failure], Position | None]:
        """Up to `limit` records that are wanted, the newest first, of `most` looked at (more than `limit`).

        With them comes the position that the next page begins before, if there may be one.
        """
        parameters = {**conditions(wanted), "before_at": before.at if before else None, "most": most}
        parameters["before_id"] = before.id if before else LAST_KEY
        with self._database.session() as connection:
            statement = NEWEST if wanted.notification_id is None else OF_NOTIFICATION
            rows = connection.execute(statement, parameters).fetchall()
            fitting = [Position(at, found) for found, at, fits in rows if fits]
            page = _load(connection, [position.id for position in fitting[:limit]])
        if len(fitting) > limit:
            return page, fitting[limit - 1]
        return page, Position(rows[-1][1], rows[-1][0]) if len(rows) == most else None

    def find(self, failure_id: UUID) -> Failure | None:
        """The record, or None."""
        with self._database.session() as connection:
            return next(iter(_load(connection, [failure_id])), None)

    def load_unread(self, failure_id: UUID) -> Unread | None:
        """The bytes of a message that nobody could read, as many as are shown; None when it is of a delivery."""
        with self._database.session() as connection:
            row = connection.execute(SELECT_BODY, {"id": failure_id, "most": SHOWN_BODY_BYTES}).fetchone()
        return None if row is None else Unread(bytes(row[0]), row[1])


def conditions(wanted: FailureFilter) -> dict[str, object]:
    """The filter as parameters; a statement uses those that it asks about."""
    return {
        "state": wanted.state,
        "channel": wanted.channel,
        "reason": wanted.reason,
        "template_code": wanted.template_code,
        "notification_id": wanted.notification_id,
        "since": wanted.since,
        "until": wanted.until,
    }


def _load(connection: psycopg.Connection, ids: Sequence[UUID]) -> Sequence[Failure]:
    if not ids:
        return []
    return connection.cursor(row_factory=kwargs_row(_failure)).execute(SELECT_RECORDS, {"ids": [*ids]}).fetchall()


# Any: the statement's other columns
def _failure(*, state: str, reason: str, channel: str | None, **columns: Any) -> Failure:
    on = None if channel is None else Channel(channel)
    return Failure(state=FailureState(state), reason=reason_of(reason), channel=on, **columns)
