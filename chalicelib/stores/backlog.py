"""What waits in PostgreSQL: each statement reads a bounded part of an index, however many rows there are."""

from collections.abc import Collection, Mapping
from typing import LiteralString

from chalicelib.domain.notification import Status
from chalicelib.stores.postgres import Database

COUNTED_AT_MOST = 100_000
"""Counting ends here: more is no other news, and would cost more the worse things are."""

OVERDUE_S = 60
"""A row is overdue when nobody has looked at it for this long after its time."""

OLDEST_QUEUED: LiteralString = """
    SELECT l.lane, greatest(extract(epoch FROM now() - oldest.published_at), 0)::float8
    FROM unnest(%(lanes)s::text[]) AS l (lane) CROSS JOIN LATERAL (
        SELECT d.published_at FROM notifications.deliveries d
        WHERE d.status = 'queued' AND d.lane = l.lane AND d.published_at IS NOT NULL
        ORDER BY d.published_at LIMIT 1
    ) oldest
"""

# The order is of no interest; asking for it keeps to the index, however common or rare a state is.
OPEN: LiteralString = """
    SELECT s.status, counted.rows
    FROM unnest(%(states)s::text[]) AS s (status) CROSS JOIN LATERAL (
        SELECT count(*) AS rows FROM (
            SELECT FROM notifications.deliveries d WHERE d.status = s.status AND d.status <> 'sent'
            ORDER BY d.notification_id LIMIT %(most)s
        ) first
    ) counted
"""

OVERDUE: LiteralString = """
    SELECT count(*) FROM (
        SELECT FROM notifications.deliveries
        WHERE wake_at < now() - make_interval(secs => %(overdue_s)s)
        ORDER BY wake_at LIMIT %(most)s
    ) first
"""

MISPLACED: LiteralString = """
    SELECT (SELECT count(*) FROM (SELECT FROM notifications.notifications_default LIMIT %(most)s) n)
         + (SELECT count(*) FROM (SELECT FROM notifications.deliveries_default LIMIT %(most)s) d)
         + (SELECT count(*) FROM (SELECT FROM notifications.events_default LIMIT %(most)s) e)
"""


class BacklogStore:
    """Counts reach 100,000 and no further. Every method raises DatabaseUnavailable when PostgreSQL cannot say."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find_oldest_queued(self, lanes: Collection[str]) -> Mapping[str, float]:
        """For how many seconds the oldest message of each lane has waited; a lane without one is missing."""
        with self._database.session() as connection:
            return dict(connection.execute(OLDEST_QUEUED, {"lanes": list(lanes)}).fetchall())

    def count_open(self, states: Collection[Status]) -> Mapping[Status, int]:
        """How many deliveries are in each of these states."""
        parameters = {"states": [str(state) for state in states], "most": COUNTED_AT_MOST}
        with self._database.session() as connection:
            return {Status(state): rows for state, rows in connection.execute(OPEN, parameters)}

    def count_overdue(self) -> int:
        """Open deliveries whose time came more than a minute ago: relay does not run, or cannot keep up."""
        return self._count(OVERDUE, {"overdue_s": OVERDUE_S, "most": COUNTED_AT_MOST})

    def count_misplaced(self) -> int:
        """Rows of months that have no partition."""
        return self._count(MISPLACED, {"most": COUNTED_AT_MOST})

    def _count(self, statement: LiteralString, parameters: Mapping[str, int]) -> int:
        with self._database.session() as connection:
            (row,) = connection.execute(statement, parameters).fetchall()
        return int(row[0])
