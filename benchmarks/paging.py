"""Whether a page of GET /v1/notifications costs the same wherever it lies, at a million notifications.

Builds the rows in a database of its own on the server of DATABASE_URL (or of the stack that is up), prints the plan of
each statement and the time of the first and the last pages, and drops the database.
"""

import os
import secrets
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import psycopg
from psycopg import sql

from chalicelib.domain.identity import first_key_at
from chalicelib.domain.listing import NotificationFilter
from chalicelib.domain.notification import Channel, NotificationStatus
from chalicelib.migrations.run import upgrade
from chalicelib.services.list_notifications import list_notifications
from chalicelib.stores.notification_list import NotificationListStore
from chalicelib.stores.postgres import Database

ROOT = Path(__file__).parents[1]
ROWS = 1_000_000
LIMIT = 50
ROUNDS = 40
SPAN_DAYS = 60
BUSY_USER = UUID("0192d3f0-0000-7000-8000-000000000001")

# One in 200 belongs to one person, one in 1,000 has failed, one in 10,000 is under way, one in 100 is by push alone;
# templates are twenty. The identifiers lie evenly over the span.
MAKE_NOTIFICATIONS: LiteralString = """
    INSERT INTO notifications.notifications (
        id, client_id, user_id, template_code, template_version, priority, locale, variables, metadata, correlation_id)
    SELECT notifications.sibling(notifications.month_key(
               %(start)s::timestamptz + i * (%(span)s::interval / %(rows)s))),
           'bench', CASE WHEN i %% 200 = 0 THEN %(user)s ELSE gen_random_uuid() END,
           'template-' || i %% 20, 1, 'normal', 'en', '{"name": "Ada"}', '{}', 'bench'
    FROM generate_series(1, %(rows)s) AS i
"""

MAKE_DELIVERIES: LiteralString = """
    INSERT INTO notifications.deliveries (
        id, notification_id, channel, lane, locale, target, status, attempts, wake_at)
    SELECT notifications.sibling(id), id, channel, channel, 'en', '{}', status, 1,
           CASE status WHEN 'retrying' THEN now() + interval '1 day' END
    FROM (
        SELECT id, CASE WHEN place % 100 = 0 THEN 'push' ELSE 'email' END AS channel,
               CASE WHEN place % 10000 = 7 THEN 'retrying' WHEN place % 1000 = 3 THEN 'failed' ELSE 'sent' END AS status
        FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM notifications.notifications) numbered
    ) told
"""


def main() -> None:
    """Measure, print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with _own_database(_server_url()) as url:
        start = datetime.now(UTC) - timedelta(days=SPAN_DAYS)
        _fill(url, rows, start)
        database = Database(url)
        store = NotificationListStore(database=database)
        print(f"{'pages of ' + str(LIMIT):<30}{'first ms':>10}{'last ms':>10}{'ratio':>8}{'middle ms':>11}")
        for name, wanted in _filters(start).items():
            _measure(name, wanted, store, start)
        for name, wanted in _filters(start).items():
            print(f"\n{name}: the last page")
            for line in _plan(database, wanted, _late(start, wanted)):
                print(f"  {line}")
        database.close()


def _filters(start: datetime) -> Mapping[str, NotificationFilter]:
    day = start + timedelta(days=SPAN_DAYS // 2)
    return {
        "no filter": NotificationFilter(),
        "user_id": NotificationFilter(user_id=BUSY_USER),
        "template_code": NotificationFilter(template_code="template-7"),
        "from, to (one day)": NotificationFilter(since=day, until=day + timedelta(days=1)),
        "status=failed": NotificationFilter(status=NotificationStatus.FAILED),
        "status=processing": NotificationFilter(status=NotificationStatus.PROCESSING),
        "status=sent": NotificationFilter(status=NotificationStatus.SENT),
        "channel=push": NotificationFilter(channel=Channel.PUSH),
        "user_id, status=failed": NotificationFilter(user_id=BUSY_USER, status=NotificationStatus.FAILED),
    }


def _measure(name: str, wanted: NotificationFilter, store: NotificationListStore, start: datetime) -> None:
    """The first page beside one from the oldest twentieth, in turns, so that a noisy second is shared."""
    middle = first_key_at((wanted.since or start) + (timedelta(hours=12) if wanted.since else timedelta(days=30)))
    befores = {"first": None, "middle": middle, "last": _late(start, wanted)}
    times: dict[str, list[float]] = {place: [] for place in befores}
    for _ in range(ROUNDS):
        for place, before in befores.items():
            began_s = time.perf_counter()
            list_notifications(wanted, only_own=None, before=before, limit=LIMIT, listing=store)
            times[place].append((time.perf_counter() - began_s) * 1000)
    first, middle_ms, last = (statistics.median(times[place]) for place in ("first", "middle", "last"))
    print(f"{name:<30}{first:>10.2f}{last:>10.2f}{last / first:>8.2f}{middle_ms:>11.2f}")


def _late(start: datetime, wanted: NotificationFilter) -> UUID:
    """Where the oldest twentieth of a list begins."""
    span = timedelta(days=1) if wanted.since else timedelta(days=SPAN_DAYS)
    return first_key_at((wanted.since or start) + span / 20)


def _plan(database: Database, wanted: NotificationFilter, before: UUID) -> Iterator[str]:
    """What PostgreSQL does for the candidates of a page, and for their deliveries."""
    with database.session() as connection:
        connection.execute("LOAD 'auto_explain'")
        connection.execute("SET auto_explain.log_min_duration = 0")
        connection.execute("SET auto_explain.log_analyze = on")
        connection.execute("SET auto_explain.log_timing = off")
        connection.execute("SET client_min_messages = 'log'")
        notices: list[str] = []
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
        store = NotificationListStore(database=database)
        list_notifications(wanted, only_own=None, before=before, limit=LIMIT, listing=store)
        connection.execute("SET auto_explain.log_min_duration = -1")
    for notice in notices:
        _, _, plan = notice.partition("plan:")
        yield from (line for line in plan.splitlines() if "->" in line or "Index Cond" in line or "Limit" in line)
        yield ""


def _fill(url: str, rows: int, start: datetime) -> None:
    for store in ("notifications",):
        upgrade(store, url)
    began_s = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        _make_partitions(connection, start)
        span = timedelta(days=SPAN_DAYS)
        connection.execute(MAKE_NOTIFICATIONS, {"start": start, "span": span, "rows": rows, "user": BUSY_USER})
        connection.execute(MAKE_DELIVERIES)
        connection.execute("VACUUM ANALYZE notifications.notifications, notifications.deliveries")
    print(f"{rows:,} notifications made in {time.perf_counter() - began_s:.0f} s\n")


def _make_partitions(connection: psycopg.Connection, start: datetime) -> None:
    """The months before this one, too: a live system made them in their time."""
    month = start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while month < datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0):
        following = (month + timedelta(days=32)).replace(day=1)
        for parent in ("notifications", "deliveries", "events"):
            connection.execute(
                sql.SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})").format(
                    sql.Identifier("notifications", f"{parent}_{month:%Y_%m}"),
                    sql.Identifier("notifications", parent),
                    sql.Literal(str(first_key_at(month))),
                    sql.Literal(str(first_key_at(following))),
                )
            )
        month = following


@contextmanager
def _own_database(server_url: str) -> Iterator[str]:
    name = sql.Identifier(f"paging_{secrets.token_hex(4)}")
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            yield f"{server_url.rpartition('/')[0]}/{name.as_string().strip(chr(34))}"
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def _server_url() -> str:
    if "DATABASE_URL" in os.environ:
        return os.environ["DATABASE_URL"]
    lines = (ROOT / ".local" / "stack.env").read_text().splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith("DATABASE_URL="))


if __name__ == "__main__":
    main()
