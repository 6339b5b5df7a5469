"""Replays: how a delivery that failed comes back, once, whoever else asks for it at the same moment."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from chalicelib.domain.audit import Actor, NewAudit
from chalicelib.domain.delivery import PUBLISH_OVERDUE_S, QUEUED_WATCH_S, Waiting
from chalicelib.domain.failure import FailedDelivery, FailureState, Replay, Replayable
from chalicelib.domain.notification import Channel, Status
from chalicelib.stores.audit import write_audit
from chalicelib.stores.postgres import Database

SELECT_ONE: LiteralString = """
    SELECT f.id AS failure_id, f.state, f.delivery_id AS recorded_id, d.*
    FROM notifications.failed f LEFT JOIN LATERAL (
        SELECT d.id AS delivery_id, d.notification_id, d.channel, d.lane, d.ticket, d.status, d.locale,
               n.locale AS wanted_locale, n.template_code, n.correlation_id,
               coalesce(d.template_version, n.template_version) AS template_version,
               coalesce(n.expires_at <= now(), false) AS expired, n.user_id IS NULL AND n.recipient IS NULL AS erased,
               ARRAY(SELECT jsonb_object_keys(n.variables)) AS variable_names
        FROM notifications.deliveries d JOIN notifications.notifications n ON n.id = d.notification_id
        WHERE d.id = f.delivery_id OFFSET 0) d ON true
    WHERE f.id = %(failure_id)s
"""

# Erasing holds the notifications of a person from its first step to its last: whoever comes second sees what it did.
HOLD_NOTIFICATIONS: LiteralString = """
    SELECT id FROM notifications.notifications WHERE id = ANY (%(notification_ids)s) ORDER BY id FOR KEY SHARE
"""

# A statement of its own, after the hold, so that it sees what was committed while that waited. The rows are locked in
# the order of the deliveries' ids, as by everybody else, and each record after its delivery.
LOCK: LiteralString = """
    SELECT f.id AS failure_id, f.state, f.delivery_id AS recorded_id,
           d.id AS delivery_id, d.notification_id, d.channel, d.lane, d.ticket, d.status, d.locale,
           n.locale AS wanted_locale, n.template_code, n.correlation_id,
           coalesce(d.template_version, n.template_version) AS template_version,
           coalesce(n.expires_at <= now(), false) AS expired, n.user_id IS NULL AND n.recipient IS NULL AS erased,
           ARRAY[]::text[] AS variable_names
    FROM notifications.failed f
    JOIN notifications.deliveries d ON d.id = f.delivery_id AND d.id = ANY (%(delivery_ids)s)
    JOIN notifications.notifications n ON n.id = d.notification_id AND n.id = ANY (%(notification_ids)s)
    WHERE f.id = ANY (%(failure_ids)s)
    ORDER BY d.id FOR UPDATE OF d, f
"""

# The ticket grows: whatever message of the failed life is still under way, in the failed queue too, is void.
REPLAY: LiteralString = """
    WITH wanted AS (
        SELECT * FROM unnest(%(failure_ids)s::uuid[], %(delivery_ids)s::uuid[], %(versions)s::int[],
                             %(locales)s::text[], %(delays_s)s::float8[])
                      AS w (failure_id, delivery_id, version, locale, delay_s)
    ), brought_back AS (
        UPDATE notifications.deliveries d
        SET status = CASE WHEN w.delay_s IS NULL THEN 'queued' ELSE 'scheduled' END,
            -- nothing waits beyond the time at which it would be in vain
            wake_at = least(now() + make_interval(secs => coalesce(w.delay_s, %(overdue_s)s)), n.expires_at),
            ticket = d.ticket + 1, attempts = 0, crashes = 0, deferrals = 0, deferred_event = NULL,
            published_at = NULL, reason = NULL, provider = NULL, provider_message_id = NULL,
            cancel_requested_at = NULL, updated_at = now(),
            template_version = coalesce(w.version, d.template_version), locale = coalesce(w.locale, d.locale)
        FROM wanted w, notifications.notifications n
        WHERE d.id = w.delivery_id AND d.id = ANY (%(delivery_ids)s) AND d.status = 'failed'
              AND n.id = d.notification_id AND n.id = ANY (%(notification_ids)s)
        RETURNING d.id, d.notification_id, w.failure_id
    ), closed AS (
        UPDATE notifications.failed f SET state = 'replayed', closed_at = now(), updated_at = now()
        FROM brought_back b WHERE f.id = b.failure_id
    )
    INSERT INTO notifications.events (id, notification_id, delivery_id, event, attempt, correlation_id)
    SELECT notifications.sibling(notification_id), notification_id, id, 'replayed', 0, %(correlation_id)s
    FROM brought_back ORDER BY id
"""

# The history says `replayed` already: that the message is in its queue is no event of its own.
NOTE_PUBLISHED: LiteralString = """
    UPDATE notifications.deliveries
    SET published_at = %(published_at)s, wake_at = greatest(wake_at, now() + %(watch)s), updated_at = now()
    WHERE id = %(delivery_id)s AND ticket = %(ticket)s AND status = 'queued'
"""


class ReplayStore:
    """Correct against any number of workers, relays, other replays, discards, cancellations and erasures at once."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find(self, failure_id: UUID) -> Replayable | None:
        """The record with what is behind it, or None."""
        with self._database.session() as connection:
            row = connection.cursor(row_factory=dict_row).execute(SELECT_ONE, {"failure_id": failure_id}).fetchone()
        return None if row is None else replayable_of(row)

    def replay(self, wanted: Sequence[Replay], *, by: Actor, audit: NewAudit) -> Sequence[Replayable]:
        """Bring back those of these that are failed now, in one transaction, which holds the audit entry if any is.

        Returns each with the state in which it was found: those that are `failed` there were brought back, with a
        ticket that is greater by one. A delivery that is gone is not among them.

        Raises:
            DatabaseUnavailable: nothing changed, or it is not known whether it did; repeating it is right.
        """
        with self._database.session() as connection, connection.transaction():
            connection.execute(HOLD_NOTIFICATIONS, _keys(wanted))
            rows = connection.cursor(row_factory=dict_row).execute(LOCK, _keys(wanted)).fetchall()
            found = [replayable_of(row) for row in rows]
            failed = {each.failure_id for each in found if each.failed}
            if failed:
                _bring_back(connection, [each for each in wanted if each.failure_id in failed], by=by)
                write_audit(connection, "notifications", audit)
        return found

    def note_published(self, waiting: Waiting, *, published_at: datetime) -> None:
        """Note that the message of a replayed delivery, with this ticket, is in the broker."""
        with self._database.session() as connection:
            connection.execute(
                NOTE_PUBLISHED,
                {
                    "delivery_id": waiting.delivery_id,
                    "ticket": waiting.ticket,
                    "published_at": published_at,
                    "watch": timedelta(seconds=QUEUED_WATCH_S),
                },
            )


def _keys(wanted: Sequence[Replay]) -> Mapping[str, list[UUID]]:
    return {
        "failure_ids": [each.failure_id for each in wanted],
        "delivery_ids": [each.delivery_id for each in wanted],
        "notification_ids": [*{each.notification_id for each in wanted}],
    }


def _bring_back(connection: psycopg.Connection, wanted: Sequence[Replay], *, by: Actor) -> None:
    connection.execute(
        REPLAY,
        {
            **_keys(wanted),
            "versions": [each.content.version if each.content else None for each in wanted],
            "locales": [each.content.locale if each.content else None for each in wanted],
            "delays_s": [each.delay_s for each in wanted],
            "overdue_s": PUBLISH_OVERDUE_S,
            "correlation_id": by.correlation_id,
        },
    )


def replayable_of(row: Mapping[str, Any]) -> Replayable:  # Any: the columns of SELECT_ONE
    """A record with what is behind it, of a row that has these columns."""
    delivery = None
    if row["delivery_id"] is not None:
        delivery = FailedDelivery(
            waiting=Waiting(
                delivery_id=row["delivery_id"],
                notification_id=row["notification_id"],
                channel=Channel(row["channel"]),
                lane=row["lane"],
                ticket=row["ticket"],
                correlation_id=row["correlation_id"],
            ),
            status=Status(row["status"]),
            template_code=row["template_code"],
            template_version=row["template_version"],
            locale=row["locale"],
            wanted_locale=row["wanted_locale"],
            expired=row["expired"],
            erased=row["erased"],
            variable_names=frozenset(row["variable_names"]),
        )
    return Replayable(row["failure_id"], FailureState(row["state"]), row["recorded_id"], delivery)
