"""Settlements: how the outcome of a claimed delivery is written, once, and only by the worker that holds the claim."""

from collections.abc import Mapping, Sequence
from typing import LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from chalicelib.domain.delivery import Settlement
from chalicelib.domain.notification import Status
from chalicelib.domain.storable import storable
from chalicelib.stores.postgres import Database

SETTLE: LiteralString = """
    WITH outcome AS (
        SELECT * FROM jsonb_to_recordset(%(outcomes)s) AS o (
            delivery_id uuid, notification_id uuid, ticket bigint, status text, attempts int,
            attempt int, reason text, detail text, provider text, provider_code text, provider_message_id text,
            wake_after_s float8, device_removed boolean, counted boolean, correlation_id text, template_code text,
            channel text, lane text, expires_at timestamptz)
    ), before AS (
        SELECT d.id, d.status, d.ticket = o.ticket AND d.status <> 'sending' AS settled_already
        FROM notifications.deliveries d JOIN outcome o ON o.delivery_id = d.id
    ), locked AS (
        -- what was cancelled while it was being sent ends with this attempt, however that went
        SELECT d.id, CASE WHEN d.cancel_requested_at IS NOT NULL AND o.wake_after_s IS NOT NULL THEN 'cancelled'
                          ELSE o.status END AS status,
               -- decided under the lock: one more of a row of deferrals for one reason, or the first of a new one
               CASE WHEN d.reason = o.reason THEN d.deferred_event END AS goes_on,
               notifications.sibling(d.notification_id) AS fresh_event
        FROM notifications.deliveries d JOIN outcome o ON o.delivery_id = d.id AND o.ticket = d.ticket
        WHERE d.status = 'sending'
        ORDER BY d.id FOR UPDATE OF d
    ), settled AS (
        UPDATE notifications.deliveries d
        SET status = l.status, attempts = o.attempts, reason = o.reason,
            provider = coalesce(o.provider, d.provider), provider_message_id = o.provider_message_id,
            -- nothing waits beyond the time at which it would be in vain
            wake_at = CASE WHEN l.status = o.status AND o.wake_after_s IS NOT NULL
                           THEN least(now() + make_interval(secs => o.wake_after_s), o.expires_at) END,
            updated_at = now(), cancel_requested_at = NULL,
            deferrals = CASE WHEN o.counted AND l.status = 'deferred' THEN d.deferrals + 1 ELSE 0 END,
            deferred_event = CASE WHEN o.counted AND l.status = 'deferred' THEN coalesce(l.goes_on, l.fresh_event) END,
            -- what goes back to its queue is not there before the note that says so
            published_at = CASE o.status WHEN 'queued' THEN NULL ELSE d.published_at END
        FROM outcome o JOIN locked l ON l.id = o.delivery_id
        WHERE d.id = o.delivery_id
        RETURNING d.id, d.status, d.deferred_event, d.deferred_event = l.goes_on AS goes_on
    ), counted AS (
        UPDATE notifications.events e SET count = e.count + 1, last_at = clock_timestamp()
        FROM settled s WHERE e.id = s.deferred_event AND s.goes_on
    ), events AS (
        INSERT INTO notifications.events (
            id, notification_id, delivery_id, event, attempt, provider, reason, detail, correlation_id)
        SELECT coalesce(s.deferred_event, notifications.sibling(o.notification_id)), o.notification_id, o.delivery_id,
               e.event, o.attempt, o.provider, o.reason,
               CASE WHEN e.event <> 'outcome_late' THEN o.detail
                    -- of somebody who was erased meanwhile nothing is told any more
                    WHEN n.user_id IS NULL AND n.recipient IS NULL THEN o.status
                    ELSE concat_ws(': ', o.status, o.detail) END,
               o.correlation_id
        FROM outcome o
        JOIN before b ON b.id = o.delivery_id
        LEFT JOIN settled s ON s.id = o.delivery_id
        LEFT JOIN notifications.notifications n ON n.id = o.notification_id AND s.id IS NULL
        CROSS JOIN LATERAL (VALUES
            (1, CASE WHEN o.device_removed THEN 'device_removed' END),
            (2, CASE WHEN s.id IS NOT NULL THEN s.status ELSE 'outcome_late' END)) AS e (place, event)
        WHERE e.event IS NOT NULL AND (s.id IS NOT NULL OR NOT b.settled_already) AND s.goes_on IS NOT TRUE
        ORDER BY o.delivery_id, e.place
    ), failed AS (
        INSERT INTO notifications.failed (
            id, source_key, delivery_id, notification_id, channel, template_code, queue, reason, detail, provider,
            provider_code, correlation_id)
        SELECT notifications.sibling(o.notification_id), o.delivery_id || ':' || o.ticket, o.delivery_id,
               o.notification_id, o.channel, o.template_code, o.lane, o.reason, coalesce(o.detail, ''), o.provider,
               o.provider_code, o.correlation_id
        FROM outcome o JOIN settled s ON s.id = o.delivery_id
        WHERE o.status = 'failed'
        ON CONFLICT (source_key) DO NOTHING
    )
    SELECT id, status FROM settled UNION SELECT id, status FROM before WHERE settled_already
"""


class SettlementStore:
    """Writes outcomes, fenced by the claim's ticket."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def settle(self, settlements: Sequence[Settlement]) -> Mapping[UUID, Status]:
        """Write how claimed deliveries ended this turn and return, for those that were settled, what they became.

        One statement, hence one transaction: the rows, their events, and the record of each failed one. An outcome
        that comes too late for its ticket changes nothing and is kept as an event. Repeating a call whose answer was
        lost is harmless.
        """
        outcomes = Jsonb([_packed(settlement) for settlement in settlements])
        with self._database.session() as connection:
            rows = connection.execute(SETTLE, {"outcomes": outcomes}).fetchall()
        return {delivery_id: Status(status) for delivery_id, status in rows}


def _packed(settlement: Settlement) -> Mapping[str, object]:
    claimed = settlement.claimed
    return {
        "delivery_id": str(claimed.delivery_id),
        "notification_id": str(claimed.notification_id),
        "ticket": claimed.ticket,
        "attempt": claimed.attempt,
        "correlation_id": claimed.correlation_id,
        "template_code": claimed.template_code,
        "channel": claimed.channel,
        "lane": claimed.lane,
        "expires_at": None if claimed.expires_at is None else claimed.expires_at.isoformat(),
        "status": settlement.status,
        "attempts": settlement.attempts,
        "reason": settlement.reason,
        "detail": storable(settlement.detail),
        "provider": settlement.provider,
        "provider_code": storable(settlement.provider_code),
        "provider_message_id": storable(settlement.provider_message_id),
        "wake_after_s": settlement.wake_after_s,
        "device_removed": settlement.device_removed,
        "counted": settlement.counted,
    }
