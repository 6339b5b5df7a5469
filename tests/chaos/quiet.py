"""Quiet: no open delivery in the database, nothing in the queues, nothing in the functions' hands."""

from collections.abc import Mapping
from urllib.parse import quote

import httpx
import psycopg

from offline.services.management import ask
from offline.services.private import NotHealthy
from tests.chaos.fault import World
from tests.e2e.api import Json, succeeded
from tests.e2e.waiting import eventually


def wait_quiet(world: World, *, within_s: float) -> str | None:
    """Return when it is quiet, with None; or, after `within_s`, with what is not."""
    try:
        eventually(lambda: not _noise(world), within_s=within_s, otherwise=lambda: _noise(world))
    except AssertionError as unrest:
        return str(unrest)
    return None


def _noise(world: World) -> Mapping[str, object]:
    """What is not quiet, by where it is; the costliest question comes last."""
    held = {each["name"]: each["in_flight"] for each in _mappings(world) if each["in_flight"]}
    return held or _open_rows(world) or _waiting_messages(world)


def _mappings(world: World) -> list[Json]:
    return list(succeeded(httpx.get(f"{world.stack.control_url}/mappings")))


def _open_rows(world: World) -> Mapping[str, object]:
    counted = "SELECT status, count(*) FROM notifications.deliveries WHERE wake_at IS NOT NULL GROUP BY status"
    with psycopg.connect(world.addresses["DATABASE_URL"], connect_timeout=5) as connection:
        return dict(connection.execute(counted).fetchall())


def _waiting_messages(world: World) -> Mapping[str, object]:
    """By queue. Void copies may still lie in wait queues: they are not quiet either."""
    try:
        queues: Json = ask(world.addresses["RABBITMQ_MANAGEMENT_URL"], f"/api/queues/{quote('/', safe='')}")
    except NotHealthy as reason:
        return {"rabbitmq": str(reason)}
    return {queue["name"]: queue["messages"] for queue in queues if queue.get("messages")}
