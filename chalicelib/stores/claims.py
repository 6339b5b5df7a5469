"""Claims: how a worker takes deliveries into its hands, and tells a void message from one about an unknown row."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import kwargs_row

from chalicelib.domain.delivery import Claimed
from chalicelib.domain.messages import DeliveryMessage
from chalicelib.domain.notification import WAITING, Channel, Priority
from chalicelib.domain.recipient import unpack_reference
from chalicelib.stores.postgres import Database

WAITING_STATES = sorted(WAITING)

# The rows are locked in the order of their ids before any is changed: overlapping batches would deadlock otherwise.
CLAIM: LiteralString = """
    WITH wanted AS (
        SELECT DISTINCT * FROM unnest(%(ids)s::uuid[], %(tickets)s::bigint[]) AS w (id, ticket)
    ), locked AS (
        SELECT d.id, d.status
        FROM notifications.deliveries d JOIN wanted w ON w.id = d.id AND w.ticket = d.ticket
        WHERE d.status = ANY (%(waiting)s)
        ORDER BY d.id FOR UPDATE OF d
    ), claimed AS (
        UPDATE notifications.deliveries d
        SET status = 'sending', ticket = d.ticket + 1, wake_at = now() + %(lease)s, updated_at = now()
        FROM locked WHERE d.id = locked.id
        RETURNING d.id, d.notification_id, d.channel, d.lane, d.ticket, d.attempts, d.crashes, d.target, d.locale,
                  locked.status AS status_before
    ), events AS (
        -- a row that is claimed was published, also when the publisher did not live to write it
        INSERT INTO notifications.events (id, notification_id, delivery_id, event, attempt, correlation_id)
        SELECT notifications.sibling(c.notification_id), c.notification_id, c.id, e.event,
               c.attempts + (e.event = 'sending')::int, n.correlation_id
        FROM claimed c
        JOIN notifications.notifications n ON n.id = c.notification_id
        CROSS JOIN LATERAL (VALUES (1, 'queued'), (2, 'sending')) AS e (place, event)
        WHERE e.event = 'sending' OR c.status_before <> 'queued'
        ORDER BY c.id, e.place
    )
    SELECT c.id AS delivery_id, c.notification_id, c.channel, c.lane, c.ticket, c.attempts + 1 AS attempt,
           c.crashes, c.target, n.user_id, n.template_code, n.template_version, c.locale, n.variables,
           n.category, n.priority, n.correlation_id, n.expires_at, coalesce(n.expires_at <= now(), false) AS expired
    FROM claimed c JOIN notifications.notifications n ON n.id = c.notification_id
    ORDER BY c.id
"""

NOTE_LANES: LiteralString = """
    INSERT INTO notifications.lanes AS l (lane, claimed_published)
    SELECT d.lane, least(max(m.published_at), now())  -- no clock that is ahead may declare a whole lane lost
    FROM unnest(%(ids)s::uuid[], %(published)s::timestamptz[]) AS m (id, published_at)
    JOIN notifications.deliveries d ON d.id = m.id
    GROUP BY d.lane ORDER BY d.lane
    ON CONFLICT (lane) DO UPDATE
    SET claimed_published = greatest(l.claimed_published, excluded.claimed_published)
"""

SELECT_KNOWN: LiteralString = "SELECT id FROM notifications.deliveries WHERE id = ANY (%(ids)s)"

SELECT_CANCELLED: LiteralString = """
    SELECT id FROM notifications.deliveries WHERE id = ANY (%(ids)s) AND cancel_requested_at IS NOT NULL
"""


class ClaimStore:
    """Correct with any number of workers and any number of copies of a message."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def claim(self, messages: Collection[DeliveryMessage], *, lease_s: float) -> list[Claimed]:
        """Take the deliveries whose message bears the row's ticket, all in one transaction.

        The rows become `sending`, their tickets grow by one, which voids every other copy, and their leases end after
        `lease_s`. A message whose delivery is not returned is void, or names no row.
        """
        ids = [message.delivery_id for message in messages]
        with self._database.session() as connection, connection.transaction():
            claimed = connection.cursor(row_factory=kwargs_row(_claimed)).execute(
                CLAIM,
                {
                    "ids": ids,
                    "tickets": [message.ticket for message in messages],
                    "waiting": WAITING_STATES,
                    "lease": timedelta(seconds=lease_s),
                },
            )
            rows = claimed.fetchall()
            published = [message.published_at for message in messages]
            connection.execute(NOTE_LANES, {"ids": ids, "published": published})
        return rows

    def find_known(self, delivery_ids: Collection[UUID]) -> frozenset[UUID]:
        """Those of the ids that have a row, whatever its state."""
        with self._database.session() as connection:
            return frozenset(row[0] for row in connection.execute(SELECT_KNOWN, {"ids": list(delivery_ids)}))

    def find_cancelled(self, delivery_ids: Collection[UUID]) -> frozenset[UUID]:
        """Those of the ids that somebody asked to cancel while they were in hand."""
        with self._database.session() as connection:
            return frozenset(row[0] for row in connection.execute(SELECT_CANCELLED, {"ids": list(delivery_ids)}))


# Any: the statement's other columns
def _claimed(*, channel: str, priority: str, target: dict[str, str], **columns: Any) -> Claimed:
    return Claimed(channel=Channel(channel), priority=Priority(priority), reference=unpack_reference(target), **columns)
