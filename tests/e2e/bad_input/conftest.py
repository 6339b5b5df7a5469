"""A world to send bad input into, and the proof that none of it is stored."""

from collections.abc import Iterator, Mapping
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest

from tests.e2e.api import EMAIL, Client, Json, address, succeeded, unique
from tests.e2e.bad_input.routes import DEVICES, NOTIFICATIONS, TEMPLATES, TOKEN, USERS, World
from tests.e2e.waiting import eventually

ON_THE_WAY: LiteralString = """
    SELECT count(*) FROM notifications.deliveries WHERE wake_at < now() + interval '10 minutes'
"""
ROWS: LiteralString = """
    SELECT (SELECT count(*) FROM users.users), (SELECT count(*) FROM users.devices),
           (SELECT count(*) FROM users.clients), (SELECT count(*) FROM templates.templates),
           (SELECT count(*) FROM templates.versions), (SELECT count(*) FROM notifications.notifications),
           (SELECT count(*) FROM notifications.deliveries), (SELECT count(*) FROM notifications.events),
           (SELECT count(*) FROM notifications.failed), (SELECT count(*) FROM notifications.idempotency_keys),
           (SELECT sum(revision) FROM users.users), (SELECT sum(revision) FROM templates.templates),
           (SELECT count(*) FROM users.preferences), (SELECT count(*) FROM users.audit),
           (SELECT count(*) FROM templates.audit), (SELECT count(*) FROM notifications.audit),
           (SELECT count(*) FROM notifications.failed WHERE state <> 'failed')
"""


@pytest.fixture(scope="package")
def world(client: Client, addresses: Mapping[str, str]) -> World:
    person = client.create_user()
    published, draft = client.publish_template(), client.create_template()
    accepted = client.notify(template_code=published, user_id=person["id"])
    client.wait_ended(accepted["notification_id"])
    device_id = client.add_device(person["id"])["id"]
    refused = client.notify(template_code=published, recipient={"email": address("reject")}, channels=["email"])
    client.wait_ended(refused["notification_id"])
    found = client.call(f"GET /v1/failed?notification_id={refused['notification_id']}")
    names = {
        "user_id": person["id"],
        "device_id": device_id,
        "notification_id": accepted["notification_id"],
        "failure_id": succeeded(found)["items"][0]["id"],
        "code": published,
        "number": "1",
        "client_id": addresses["CLIENT_ID"],
        "name": "postgresql",
        "asset": "nothing.js",
        "user": person["id"],
        "email": person["email"],
        "device": device_id,
        "published": published,
        "draft": draft,
        "email_only": client.publish_template(EMAIL),
        "notification": accepted["notification_id"],
        "absent": str(uuid4()),
    }
    good: dict[str, Json] = {
        TOKEN: {"client_id": addresses["CLIENT_ID"], "client_secret": addresses["CLIENT_SECRET"]},
        USERS: {"email": address(), "name": "Ada", "password": "correct horse", "locale": "en", "timezone": "UTC"},
        DEVICES: {"token": unique("device"), "platform": "ios"},
        TEMPLATES: {"code": unique("t"), "name": "T", "category": "c", "default_locale": "en", "contents": [EMAIL]},
        NOTIFICATIONS: {"template_code": published, "user_id": person["id"], "variables": {"name": "Ada"}},
    }
    return World(names, good)


@pytest.fixture(scope="package")
def database(addresses: Mapping[str, str], world: World) -> Iterator[psycopg.Connection]:
    """Quiet: nothing that was accepted before is still on its way, or due before long."""
    with psycopg.connect(addresses["DATABASE_URL"], autocommit=True) as connection:
        eventually(
            lambda: _row(connection, ON_THE_WAY) == (0,), within_s=60, otherwise=lambda: "something is still on its way"
        )
        yield connection


@pytest.fixture(autouse=True)
def nothing_is_stored(database: psycopg.Connection) -> Iterator[None]:
    before = _row(database, ROWS)
    yield
    assert _row(database, ROWS) == before


def _row(connection: psycopg.Connection, query: LiteralString) -> tuple[object, ...]:
    row: tuple[object, ...] | None = connection.execute(query).fetchone()
    assert row is not None
    return row
