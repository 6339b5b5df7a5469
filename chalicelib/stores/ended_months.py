"""What a whole month still holds that must stay, and the records that go before it."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from chalicelib.domain.identity import KeyRange
from chalicelib.domain.retention import Stretch
from chalicelib.stores.ended_notifications import failures_of
from chalicelib.stores.partitions import holds_open
from chalicelib.stores.postgres import Database

# Texts of identifiers are ordered as these are; of uuid itself PostgreSQL has no max before 18.
LOOK: LiteralString = """
    SELECT max(id::text)::uuid AS last, coalesce(bool_or(kept), false) AS kept
    FROM (
        SELECT id, wake_at IS NOT NULL OR updated_at >= %(horizon)s AS kept FROM notifications.deliveries
        WHERE id > %(after)s AND id >= %(first)s AND id < %(end)s ORDER BY id LIMIT %(limit)s
    ) stretch
"""

# A record that somebody replays or discards at this moment is left, and is asked about afterwards.
DELETE_FAILED: LiteralString = """
    WITH old AS (
        SELECT id FROM notifications.failed
        WHERE notification_id >= %(first)s AND notification_id < %(end)s
        ORDER BY notification_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
    )
    DELETE FROM notifications.failed f USING old WHERE f.id = old.id
    RETURNING f.state
"""

HOLDS_FAILED: LiteralString = """
    SELECT FROM notifications.failed WHERE notification_id >= %(first)s AND notification_id < %(end)s LIMIT 1
"""


class EndedMonthStore:
    """Each method raises DatabaseUnavailable."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def holds_open(self, keys: KeyRange) -> bool:
        """Whether a delivery in that range is open."""
        with self._database.session() as connection:
            return holds_open(connection, keys)

    def look(self, keys: KeyRange, horizon: datetime, *, after: UUID, limit: int) -> Stretch:
        """Look at up to `limit` deliveries of that range, after that one."""
        parameters = {**_bounds(keys), "horizon": horizon, "after": after, "limit": limit}
        with self._database.session() as connection:
            (row,) = connection.execute(LOOK, parameters).fetchall()
        return Stretch(*row)

    def holds_failed(self, keys: KeyRange) -> bool:
        """Whether there is a record of a failure: as long as there is none, nothing closed comes back."""
        with self._database.session() as connection:
            return connection.execute(HOLDS_FAILED, _bounds(keys)).fetchone() is not None

    def delete_failed(self, keys: KeyRange, *, limit: int) -> Counter[str]:
        """Delete up to so many records of failures in that range, and tell how many; nothing when there is no more."""
        with self._database.session() as connection:
            rows = connection.execute(DELETE_FAILED, {**_bounds(keys), "limit": limit}).fetchall()
        return failures_of(row[0] for row in rows)


def _bounds(keys: KeyRange) -> Mapping[str, object]:
    return {"first": keys.first, "end": keys.end}
