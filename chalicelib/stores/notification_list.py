"""Reads lists of notifications: candidates from an index, then what the page shows of them.

Each statement that finds candidates walks one index from newest to oldest and stops after a fixed number of rows, so
that its cost is that of a page, wherever the page lies. Identifiers are ordered by their time, and the tables are
partitioned on them: a bound on time is a bound on partitions. What a statement cannot answer from its index is told of
each row (`fits`), and does not make it look further.
"""

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import dict_row, kwargs_row

from chalicelib.domain.identity import LARGEST, first_key_at, moment_of, sibling_range
from chalicelib.domain.listing import Candidates, ListedNotification, NotificationFilter
from chalicelib.domain.notification import Channel, NotificationStatus, Priority, Status, states_within
from chalicelib.domain.trace import TracedDelivery, TracedNotification
from chalicelib.stores.postgres import Database

NEWEST: LiteralString = """
    SELECT id, true AS fits FROM notifications.notifications
    WHERE id >= %(since)s AND id < %(before)s
    ORDER BY id DESC LIMIT %(most)s
"""

OF_USER: LiteralString = """
    SELECT id, coalesce(template_code = %(template_code)s, true) AS fits FROM notifications.notifications
    WHERE user_id = %(user_id)s AND id >= %(since)s AND id < %(before)s
    ORDER BY id DESC LIMIT %(most)s
"""

OF_TEMPLATE: LiteralString = """
    SELECT id, true AS fits FROM notifications.notifications
    WHERE template_code = %(template_code)s AND id >= %(since)s AND id < %(before)s
    ORDER BY id DESC LIMIT %(most)s
"""

# Newest first within each state, and then among them. The index does not hold the state that almost all rows end in.
IN_STATES: LiteralString = """
    SELECT found.id, %(template_code)s::text IS NULL OR EXISTS (
               SELECT FROM notifications.notifications n
               WHERE n.id = found.id AND n.template_code = %(template_code)s) AS fits
    FROM (
        SELECT of_state.notification_id AS id
        FROM unnest(%(states)s::text[]) AS s (state) CROSS JOIN LATERAL (
            SELECT d.notification_id FROM notifications.deliveries d
            WHERE d.status = s.state AND d.status <> 'sent'
                  AND d.notification_id >= %(since)s AND d.notification_id < %(before)s
                  AND d.id >= %(first_sibling)s AND d.id < %(end_of_siblings)s  -- prunes the partitions
            ORDER BY d.notification_id DESC LIMIT %(most)s
        ) of_state
        ORDER BY of_state.notification_id DESC LIMIT %(most)s
    ) found
    ORDER BY found.id DESC
"""

# OFFSET 0 keeps the planner from turning a few hundred short range scans into one look at everything.
SELECT_DELIVERIES: LiteralString = """
    SELECT d.*
    FROM unnest(%(ids)s::uuid[], %(firsts)s::uuid[], %(ends)s::uuid[]) AS k (id, first, past) CROSS JOIN LATERAL (
        SELECT notification_id, id AS delivery_id, channel, locale, status, reason, attempts, crashes, provider,
               provider_message_id, wake_at, created_at, updated_at
        FROM notifications.deliveries
        WHERE id >= k.first AND id < k.past AND notification_id = k.id
              AND id >= %(first)s AND id < %(end)s
        ORDER BY channel, id OFFSET 0
    ) d
"""

SELECT_NOTIFICATIONS: LiteralString = """
    SELECT id AS notification_id, client_id, user_id, recipient ->> 'name' AS recipient_name, template_code,
           template_version, category, priority, locale, variables, metadata, correlation_id, send_at, expires_at,
           octet_length(variables::text) + octet_length(metadata::text) AS stored_bytes
    FROM notifications.notifications WHERE id = ANY (%(ids)s)
    ORDER BY id DESC
"""

NO_KEY = UUID(int=0)
LAST_KEY = UUID(int=LARGEST)


class NotificationListStore:
    """Lists may be read from a replica: what has been accepted this moment may be missing from them."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find_candidates(self, wanted: NotificationFilter, *, before: UUID | None, most: int) -> Candidates:
        """The newest notifications before `before` that the filter's indexed part admits, of `most` rows looked at."""
        statement, parameters = _search(wanted, before)
        with self._database.session() as connection:
            rows = connection.execute(statement, parameters | {"most": most}).fetchall()
        ids = dict.fromkeys(found for found, fits in rows if fits)  # several deliveries name one notification
        return Candidates(tuple(ids), last=rows[-1][0] if len(rows) == most else None)

    def load_deliveries(self, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[TracedDelivery]]:
        """The deliveries of each of these, without their events. Of one that is gone there are none."""
        if not ids:
            return {}
        keys = [sibling_range(notification_id) for notification_id in ids]
        parameters = {
            "ids": list(ids),
            "firsts": [key.first for key in keys],
            "ends": [key.end for key in keys],
            "first": min(key.first for key in keys),
            "end": max(key.end for key in keys),
        }
        loaded: dict[UUID, list[TracedDelivery]] = {}
        with self._database.session() as connection:
            for row in connection.cursor(row_factory=dict_row).execute(SELECT_DELIVERIES, parameters):
                loaded.setdefault(row.pop("notification_id"), []).append(_delivery(**row))
        return loaded

    def load_notifications(self, ids: Sequence[UUID]) -> Sequence[ListedNotification]:
        """These notifications without their deliveries, newest first."""
        if not ids:
            return []
        with self._database.session() as connection:
            cursor = connection.cursor(row_factory=kwargs_row(_listed))
            return cursor.execute(SELECT_NOTIFICATIONS, {"ids": list(ids)}).fetchall()


def _search(wanted: NotificationFilter, before: UUID | None) -> tuple[LiteralString, dict[str, object]]:
    """The statement that finds this filter's candidates with the least to look at, and its parameters."""
    since = NO_KEY if wanted.since is None else first_key_at(wanted.since)
    until = LAST_KEY if wanted.until is None else first_key_at(wanted.until)
    end = min(until, before or LAST_KEY)
    bounds: dict[str, object] = {"since": since, "before": end}
    of_template: dict[str, object] = {"template_code": wanted.template_code}
    if wanted.user_id is not None:
        return OF_USER, bounds | of_template | {"user_id": wanted.user_id}
    if wanted.status not in (None, NotificationStatus.SENT):
        siblings = {"first_sibling": sibling_range(since).first, "end_of_siblings": sibling_range(end).end}
        return IN_STATES, bounds | of_template | siblings | {"states": sorted(states_within(wanted.status))}
    if wanted.template_code is not None:
        return OF_TEMPLATE, bounds | of_template
    return NEWEST, bounds


# Any: the columns of the statements above, by their names
def _delivery(*, channel: str, status: str, **columns: Any) -> TracedDelivery:
    return TracedDelivery(channel=Channel(channel), status=Status(status), **columns)


def _listed(*, notification_id: UUID, priority: str, stored_bytes: int, **columns: Any) -> ListedNotification:
    notification = TracedNotification(
        notification_id=notification_id,
        priority=Priority(priority),
        created_at=moment_of(notification_id),
        deliveries=(),
        **columns,
    )
    return ListedNotification(notification, stored_bytes)
