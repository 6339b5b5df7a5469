"""Reads a notification with all its deliveries and events in one round trip."""

from dataclasses import replace
from typing import Any, LiteralString
from uuid import UUID

from psycopg.rows import dict_row, kwargs_row

from chalicelib.domain.identity import moment_of, sibling_range
from chalicelib.domain.notification import Channel, EventName, Priority, Status
from chalicelib.domain.trace import TracedDelivery, TracedEvent, TracedNotification
from chalicelib.stores.postgres import Database

SELECT_NOTIFICATION: LiteralString = """
    SELECT id AS notification_id, client_id, user_id, recipient ->> 'name' AS recipient_name, template_code,
           template_version, category, priority, locale, variables, metadata, correlation_id, send_at, expires_at
    FROM notifications.notifications WHERE id = %(notification_id)s
"""

# Siblings share their notification's millisecond: the primary key's range finds them in one partition.
SELECT_DELIVERIES: LiteralString = """
    SELECT id AS delivery_id, channel, locale, status, reason, attempts, crashes, provider, provider_message_id,
           wake_at, created_at, updated_at
    FROM notifications.deliveries
    WHERE id >= %(first)s AND id < %(end)s AND notification_id = %(notification_id)s
    ORDER BY channel, id
"""

SELECT_EVENTS: LiteralString = """
    SELECT delivery_id, at, event, attempt, provider, reason, detail, correlation_id, count, last_at
    FROM notifications.events
    WHERE id >= %(first)s AND id < %(end)s AND notification_id = %(notification_id)s
    ORDER BY position
"""


class TraceStore:
    """The reading side of notifications."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def find(self, notification_id: UUID) -> TracedNotification | None:
        """The notification as it stands, or None."""
        keys = sibling_range(notification_id)
        parameters = {"notification_id": notification_id, "first": keys.first, "end": keys.end}
        with self._database.session() as connection:
            with connection.pipeline():
                notifications = connection.cursor(row_factory=kwargs_row(_head)).execute(
                    SELECT_NOTIFICATION, parameters
                )
                deliveries = connection.cursor(row_factory=kwargs_row(_delivery)).execute(SELECT_DELIVERIES, parameters)
                events = connection.cursor(row_factory=dict_row).execute(SELECT_EVENTS, parameters)
            head, found = notifications.fetchone(), deliveries.fetchall()
            if head is None or not found:
                return None  # or retention is on its way through it
            return replace(head, deliveries=_with_events(found, events.fetchall()))

    def find_head(self, notification_id: UUID) -> TracedNotification | None:
        """The notification without its deliveries, or None."""
        with self._database.session() as connection:
            cursor = connection.cursor(row_factory=kwargs_row(_head))
            return cursor.execute(SELECT_NOTIFICATION, {"notification_id": notification_id}).fetchone()


# Any: the columns of the statements above, by their names
def _head(*, notification_id: UUID, priority: str, **columns: Any) -> TracedNotification:
    return TracedNotification(
        notification_id=notification_id,
        priority=Priority(priority),
        created_at=moment_of(notification_id),
        deliveries=(),
        **columns,
    )


def _delivery(*, channel: str, status: str, **columns: Any) -> TracedDelivery:
    return TracedDelivery(channel=Channel(channel), status=Status(status), **columns)


def _event(*, event: str, **columns: Any) -> TracedEvent:
    return TracedEvent(event=EventName(event), **columns)


def _with_events(deliveries: list[TracedDelivery], events: list[dict[str, Any]]) -> tuple[TracedDelivery, ...]:
    histories: dict[UUID, list[TracedEvent]] = {}
    for event in events:
        histories.setdefault(event.pop("delivery_id"), []).append(_event(**event))
    return tuple(replace(delivery, events=tuple(histories.get(delivery.delivery_id, ()))) for delivery in deliveries)
