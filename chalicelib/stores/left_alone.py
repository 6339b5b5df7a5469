"""Deferred rows that wait for nothing but their provider: relay brings them back before their time when it is back."""

from collections.abc import Collection
from datetime import timedelta
from typing import LiteralString

from psycopg.rows import kwargs_row

from chalicelib.domain.backflow import Allowance
from chalicelib.domain.delivery import Waiting
from chalicelib.domain.notification import Channel
from chalicelib.stores.outbox import TAKEN_S, waiting_row
from chalicelib.stores.postgres import Database

# Which of the channels have any. What is due within a taker's time comes back by itself, or is in a taker's hands.
FIND_LEFT_ALONE: LiteralString = """
    SELECT c.channel FROM unnest(%(channels)s::text[]) AS c (channel)
    WHERE EXISTS (
        SELECT FROM notifications.deliveries d
        WHERE d.channel = c.channel AND d.status = 'deferred' AND d.reason IN ('circuit_open', 'throttled')
              AND d.wake_at > now() + %(taken)s)
"""

# The oldest goes first, as the index has it. By `wake_at`, who was deferred most often would always be the last.
# What another has taken since this transaction began is told by the clock, which is asked again under the row's lock.
TAKE_LEFT_ALONE: LiteralString = """
    WITH left_alone AS (
        SELECT d.id, d.notification_id FROM notifications.deliveries d
        WHERE d.channel = %(channel)s AND d.status = 'deferred' AND d.reason IN ('circuit_open', 'throttled')
              AND d.reason = ANY (%(reasons)s) AND d.lane <> ALL (%(full_lanes)s)
              AND d.wake_at > now() + %(taken)s AND d.wake_at > clock_timestamp() + %(taken)s
        ORDER BY d.id LIMIT %(limit)s FOR UPDATE OF d SKIP LOCKED
    ), taken AS (
        UPDATE notifications.deliveries d SET wake_at = now() + %(taken)s
        FROM left_alone a WHERE d.id = a.id
        RETURNING d.id, d.notification_id, d.channel, d.lane, d.ticket
    )
    SELECT t.id AS delivery_id, t.notification_id, t.channel, t.lane, t.ticket, n.correlation_id
    FROM taken t JOIN notifications.notifications n ON n.id = t.notification_id
"""


class LeftAloneStore:
    """Hands them out, each row to one taker at a time; one that is not published is due after ten seconds."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find_channels(self) -> list[Channel]:
        """The channels that have rows which could be released."""
        parameters = {"channels": list(Channel), "taken": timedelta(seconds=TAKEN_S)}
        with self._database.session() as connection:
            return [Channel(row[0]) for row in connection.execute(FIND_LEFT_ALONE, parameters)]

    def take(self, allowance: Allowance, *, limit: int, full_lanes: Collection[str]) -> list[Waiting]:
        """Take at most `limit` of what the allowance speaks of, out of lanes that are not full."""
        parameters = {
            "channel": allowance.channel,
            "reasons": list(allowance.reasons),
            "limit": limit,
            "full_lanes": list(full_lanes),
            "taken": timedelta(seconds=TAKEN_S),
        }
        with self._database.session() as connection:
            cursor = connection.cursor(row_factory=kwargs_row(waiting_row))
            return cursor.execute(TAKE_LEFT_ALONE, parameters).fetchall()
