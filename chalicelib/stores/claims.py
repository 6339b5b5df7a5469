"""Claims: how a worker takes deliveries into its hands, or lets them wait, and which messages are void or unknown."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import kwargs_row

from chalicelib.domain.delivery import Claimed
from chalicelib.domain.messages import DeliveryMessage
from chalicelib.domain.notification import WAITING, Channel, Priority
from chalicelib.domain.recipient import unpack_reference
from chalicelib.domain.retry import deferral_s
from chalicelib.stores.postgres import Database

WAITING_STATES = sorted(WAITING)

# The rows are locked in the order of their ids before any is changed: overlapping batches would deadlock otherwise.
CLAIM: LiteralString = """
    WITH wanted AS (
        SELECT DISTINCT * FROM unnest(%(ids)s::uuid[], %(tickets)s::bigint[]) AS w (id, ticket)
    ), locked AS (
        SELECT d.id, d.status
        FROM notifications.deliveries d JOIN wanted w ON w.id = d.id AND w.ticket = d.ticket
        WHERE d.status = ANY (%(waiting)s) AND (d.crashes = 0 OR %(suspects)s)
        ORDER BY d.id FOR UPDATE OF d
    ), claimed AS (
        UPDATE notifications.deliveries d
        SET status = 'sending', ticket = d.ticket + 1, wake_at = now() + %(lease)s, updated_at = now()
        FROM locked WHERE d.id = locked.id
        RETURNING d.id, d.notification_id, d.channel, d.lane, d.ticket, d.attempts, d.crashes, d.target, d.locale,
                  d.deferrals, d.deferred_event, d.template_version, locked.status AS status_before
    ), events AS (
        -- a row that is claimed was published, also when the publisher did not live to write it
        INSERT INTO notifications.events (id, notification_id, delivery_id, event, attempt, correlation_id)
        SELECT notifications.sibling(c.notification_id), c.notification_id, c.id, e.event,
               c.attempts + (e.event = 'sending')::int, n.correlation_id
        FROM claimed c
        JOIN notifications.notifications n ON n.id = c.notification_id
        CROSS JOIN LATERAL (VALUES (1, 'queued'), (2, 'sending')) AS e (place, event)
        WHERE e.event = 'sending' OR c.status_before <> 'queued'
              -- what comes back from a deferral that counts itself says so in that one row
              AND NOT (c.status_before = 'deferred' AND c.deferred_event IS NOT NULL)
        ORDER BY c.id, e.place
    )
    SELECT c.id AS delivery_id, c.notification_id, c.channel, c.lane, c.ticket, c.attempts + 1 AS attempt,
           c.crashes, c.target, n.user_id, n.template_code,
           coalesce(c.template_version, n.template_version) AS template_version, c.locale, n.variables, c.deferrals,
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

# Two statements of one transaction: how long each waits depends on what is only known once its row is locked.
LOCK_WAITING: LiteralString = """
    WITH wanted AS (
        SELECT DISTINCT * FROM unnest(%(ids)s::uuid[], %(tickets)s::bigint[]) AS w (id, ticket)
    )
    SELECT d.id, d.deferrals FROM notifications.deliveries d JOIN wanted w ON w.id = d.id AND w.ticket = d.ticket
    WHERE d.status = ANY (%(waiting)s)
    ORDER BY d.id FOR UPDATE OF d
"""

# The ticket grows: a copy of the message defers nothing again, and a note that comes late, that the message is in its
# queue, finds that it is not any more.
DEFER: LiteralString = """
    WITH before AS (
        SELECT d.id, d.notification_id, d.attempts, n.correlation_id, n.expires_at, w.wait_s,
               d.status <> 'queued' AND NOT (d.status = 'deferred' AND d.deferred_event IS NOT NULL) AS was_published,
               CASE WHEN d.reason = %(reason)s THEN d.deferred_event END AS goes_on,
               notifications.sibling(d.notification_id) AS fresh_event
        FROM unnest(%(ids)s::uuid[], %(waits_s)s::float8[]) AS w (id, wait_s)
        JOIN notifications.deliveries d ON d.id = w.id
        JOIN notifications.notifications n ON n.id = d.notification_id
    ), deferred AS (
        UPDATE notifications.deliveries d
        SET status = 'deferred', reason = %(reason)s, ticket = d.ticket + 1, deferrals = d.deferrals + 1,
            deferred_event = coalesce(b.goes_on, b.fresh_event), updated_at = now(),
            wake_at = least(now() + make_interval(secs => b.wait_s), b.expires_at)
        FROM before b WHERE d.id = b.id
        RETURNING d.id
    ), counted AS (
        UPDATE notifications.events e SET count = e.count + 1, last_at = clock_timestamp()
        FROM before b WHERE e.id = b.goes_on
    ), events AS (
        INSERT INTO notifications.events (
            id, notification_id, delivery_id, event, attempt, reason, detail, correlation_id)
        SELECT e.id, b.notification_id, b.id, e.event, b.attempts + (e.event = 'deferred')::int, e.reason, e.detail,
               b.correlation_id
        FROM before b
        CROSS JOIN LATERAL (VALUES
            (1, notifications.sibling(b.notification_id), CASE WHEN b.was_published THEN 'queued' END, NULL, NULL),
            (2, b.fresh_event, CASE WHEN b.goes_on IS NULL THEN 'deferred' END, %(reason)s, %(detail)s)
        ) AS e (place, id, event, reason, detail)
        WHERE e.event IS NOT NULL
        ORDER BY b.id, e.place
    )
    SELECT id FROM deferred
"""

SELECT_SUSPECTS: LiteralString = """
    SELECT d.id, d.ticket FROM notifications.deliveries d
    JOIN unnest(%(ids)s::uuid[], %(tickets)s::bigint[]) AS w (id, ticket) ON w.id = d.id AND w.ticket = d.ticket
    WHERE d.crashes > 0 AND d.status = ANY (%(waiting)s)
    ORDER BY d.crashes, d.id
"""

SELECT_KNOWN: LiteralString = "SELECT id FROM notifications.deliveries WHERE id = ANY (%(ids)s)"

SELECT_CANCELLED: LiteralString = """
    SELECT id FROM notifications.deliveries WHERE id = ANY (%(ids)s) AND cancel_requested_at IS NOT NULL
"""


class ClaimStore:
    """Correct with any number of workers and any number of copies of a message."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def claim(self, messages: Collection[DeliveryMessage], *, lease_s: float, suspects: bool = True) -> list[Claimed]:
        """Take the deliveries whose message bears the row's ticket, all in one transaction.

        The rows become `sending`, their tickets grow by one, which voids every other copy, and their leases end after
        `lease_s`. A message whose delivery is not returned is void, or names no row, or, unless they are asked for, is
        that of a suspect: of a delivery that was in hand when a function died.
        """
        with self._database.session() as connection, connection.transaction():
            claimed = connection.cursor(row_factory=kwargs_row(_claimed)).execute(
                CLAIM, {**_named(messages), "lease": timedelta(seconds=lease_s), "suspects": suspects}
            )
            rows = claimed.fetchall()
            connection.execute(NOTE_LANES, _read(messages))
        return rows

    def defer(
        self, messages: Collection[DeliveryMessage], *, reason: str, detail: str, at_least_s: float
    ) -> frozenset[UUID]:
        """Let them wait unclaimed, for no provider may be called: the ids of those that do, all in one transaction.

        As with a claim, a message without the row's ticket is void, and so is each of these from now on. The deferrals
        of a row for one reason, with nothing between them, are one event that counts them.
        """
        with self._database.session() as connection, connection.transaction():
            locked = connection.execute(LOCK_WAITING, _named(messages)).fetchall()
            waits_s = {id_: deferral_s(deferrals, id_, at_least_s=at_least_s) for id_, deferrals in locked}
            deferred = connection.execute(
                DEFER, {"ids": list(waits_s), "waits_s": list(waits_s.values()), "reason": reason, "detail": detail}
            ).fetchall()
            connection.execute(NOTE_LANES, _read(messages))
        return frozenset(row[0] for row in deferred)

    def find_suspects(self, messages: Collection[DeliveryMessage]) -> list[DeliveryMessage]:
        """The messages of those that wait and were in hand when a function died: who was so most often comes last."""
        by_name = {(message.delivery_id, message.ticket): message for message in messages}
        with self._database.session() as connection:
            rows = connection.execute(SELECT_SUSPECTS, _named(by_name.values())).fetchall()
        return [by_name[delivery_id, ticket] for delivery_id, ticket in rows]

    def find_known(self, delivery_ids: Collection[UUID]) -> frozenset[UUID]:
        """Those of the ids that have a row, whatever its state."""
        with self._database.session() as connection:
            return frozenset(row[0] for row in connection.execute(SELECT_KNOWN, {"ids": list(delivery_ids)}))

    def find_cancelled(self, delivery_ids: Collection[UUID]) -> frozenset[UUID]:
        """Those of the ids that somebody asked to cancel while they were in hand."""
        with self._database.session() as connection:
            return frozenset(row[0] for row in connection.execute(SELECT_CANCELLED, {"ids": list(delivery_ids)}))


def _named(messages: Collection[DeliveryMessage]) -> dict[str, object]:
    return {
        "ids": [message.delivery_id for message in messages],
        "tickets": [message.ticket for message in messages],
        "waiting": WAITING_STATES,
    }


def _read(messages: Collection[DeliveryMessage]) -> dict[str, object]:
    return {
        "ids": [message.delivery_id for message in messages],
        "published": [message.published_at for message in messages],
    }


# Any: the statement's other columns
def _claimed(*, channel: str, priority: str, target: dict[str, str], **columns: Any) -> Claimed:
    return Claimed(channel=Channel(channel), priority=Priority(priority), reference=unpack_reference(target), **columns)
