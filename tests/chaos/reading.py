"""Reads what the database and the sinks hold at the end of a run."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import LiteralString

import psycopg
from psycopg.rows import dict_row

from tests.chaos.records import Archived, Arrival, Delivery, Event
from tests.e2e.api import Client, Json

SELECT_DELIVERIES: LiteralString = """
    SELECT d.id::text AS delivery_id, d.notification_id::text AS notification_id, n.correlation_id, d.channel, d.lane,
           d.status, d.reason, greatest(d.created_at, n.send_at) AS due_at
    FROM notifications.deliveries d JOIN notifications.notifications n ON n.id = d.notification_id
    ORDER BY d.id
"""

SELECT_EVENTS: LiteralString = """
    SELECT delivery_id::text AS delivery_id, at, event, attempt, reason, detail, count
    FROM notifications.events ORDER BY delivery_id, position
"""

SELECT_ARCHIVE: LiteralString = "SELECT delivery_id::text AS delivery_id, reason FROM notifications.failed"


def read_deliveries(database_url: str) -> Sequence[Delivery]:
    """Every delivery that there is, with its history."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        events = _events_by_delivery(connection.execute(SELECT_EVENTS).fetchall())
        rows = connection.execute(SELECT_DELIVERIES).fetchall()
        return [Delivery(**row, events=events.get(row["delivery_id"], ())) for row in rows]


def read_archive(database_url: str) -> Sequence[Archived]:
    """Every row of the archive of the failed."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        return [Archived(**row) for row in connection.execute(SELECT_ARCHIVE).fetchall()]


def read_arrivals(client: Client) -> Sequence[Arrival]:
    """Everything at both sinks, by the delivery's id that it bears."""
    mails = [_arrival(mail, mail["message_id"].strip("<").partition("@")[0]) for mail in client.mails()]
    pushes = [_arrival(push, push["message"]["data"]["delivery_id"]) for push in client.pushes()]
    return [*mails, *pushes]


def _arrival(kept: Json, delivery_id: str) -> Arrival:
    return Arrival(delivery_id, datetime.fromisoformat(kept["received_at"]), bool(kept["answered"]))


def _events_by_delivery(rows: Sequence[Json]) -> Mapping[str, tuple[Event, ...]]:
    histories = defaultdict(list)
    for row in rows:
        event = Event(row["at"], row["event"], row["attempt"], row["reason"], row["detail"], row["count"])
        histories[row["delivery_id"]].append(event)
    return {delivery_id: tuple(events) for delivery_id, events in histories.items()}
