"""Which failures a replay of many is about: the oldest first, so that repeating it goes on where it stopped."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from psycopg.rows import dict_row

from chalicelib.domain.failure import FailureFilter, Position, Replayable
from chalicelib.stores.failed_records import conditions
from chalicelib.stores.postgres import Database
from chalicelib.stores.replays import replayable_of

COUNT: LiteralString = """
    SELECT count(*) FROM notifications.failed
    WHERE state = 'failed' AND (%(channel)s::text IS NULL OR channel = %(channel)s)
          AND (%(reason)s::text IS NULL OR reason = %(reason)s)
          AND (%(template_code)s::text IS NULL OR template_code = %(template_code)s)
          AND created_at >= coalesce(%(since)s::timestamptz, '-infinity')
          AND created_at < coalesce(%(until)s::timestamptz, 'infinity')
"""

# OFFSET 0 keeps the planner from turning a few hundred look-ups by key into one look at everything. The names of the
# variables are read only where they matter: variables may be long.
OLDEST: LiteralString = """
    SELECT f.id AS failure_id, f.created_at, f.state, f.delivery_id AS recorded_id, d.*
    FROM (
        SELECT id, created_at, state, delivery_id FROM notifications.failed
        WHERE state = 'failed' AND (%(channel)s::text IS NULL OR channel = %(channel)s)
              AND (%(reason)s::text IS NULL OR reason = %(reason)s)
              AND (%(template_code)s::text IS NULL OR template_code = %(template_code)s)
              AND created_at >= coalesce(%(since)s::timestamptz, '-infinity')
              AND created_at < coalesce(%(until)s::timestamptz, 'infinity')
              AND (created_at, id) > (coalesce(%(after_at)s::timestamptz, '-infinity'), %(after_id)s)
        ORDER BY created_at, id LIMIT %(limit)s
    ) f LEFT JOIN LATERAL (
        SELECT d.id AS delivery_id, d.notification_id, d.channel, d.lane, d.ticket, d.status, d.locale,
               n.locale AS wanted_locale, n.template_code, n.correlation_id,
               coalesce(d.template_version, n.template_version) AS template_version,
               coalesce(n.expires_at <= now(), false) AS expired, n.user_id IS NULL AND n.recipient IS NULL AS erased,
               CASE WHEN %(with_variables)s THEN ARRAY(SELECT jsonb_object_keys(n.variables)) ELSE '{}' END
                   AS variable_names
        FROM notifications.deliveries d JOIN notifications.notifications n ON n.id = d.notification_id
        WHERE d.id = f.delivery_id OFFSET 0) d ON true
    ORDER BY f.created_at, f.id
"""

NO_KEY = UUID(int=0)


class ReplayCandidateStore:
    """Reads without locks: what became of a candidate meanwhile is found out when it is replayed."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def count(self, wanted: FailureFilter) -> int:
        """How many records in the state `failed` the filter holds for."""
        with self._database.session() as connection:
            row = connection.execute(COUNT, conditions(wanted)).fetchone()
        return 0 if row is None else int(row[0])

    def find_oldest(
        self, wanted: FailureFilter, *, after: Position | None, limit: int, with_variables: bool
    ) -> Sequence[tuple[Position, Replayable]]:
        """Up to `limit` of them after that position, the oldest first; the names of variables only when asked for."""
        parameters = {
            **conditions(wanted),
            "after_at": after.at if after else None,
            "after_id": after.id if after else NO_KEY,
            "limit": limit,
            "with_variables": with_variables,
        }
        with self._database.session() as connection:
            rows = connection.cursor(row_factory=dict_row).execute(OLDEST, parameters).fetchall()
        return [(Position(row["created_at"], row["failure_id"]), replayable_of(row)) for row in rows]
