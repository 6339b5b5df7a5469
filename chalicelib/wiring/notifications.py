"""Accepting notifications, and telling what became of them."""

from collections.abc import Callable
from functools import cache, partial
from uuid import UUID

from chalicelib.domain.request import SendNotification
from chalicelib.domain.trace import TracedNotification
from chalicelib.services import accept as accepting
from chalicelib.services import trace as tracing
from chalicelib.stores.notifications import NotificationStore
from chalicelib.stores.outbox import OutboxStore
from chalicelib.stores.request_memory import RedisRequestMemory
from chalicelib.stores.traces import TraceStore
from chalicelib.wiring.environment import clock, database, publisher, redis_cache, settings
from chalicelib.wiring.people import people
from chalicelib.wiring.templates import compiled, templates


@cache
def accept() -> Callable[[SendNotification], accepting.Accepted]:
    return partial(
        accepting.accept,
        memory=RedisRequestMemory(cache=redis_cache()),
        people=people(),
        catalog=templates(),
        compiled=compiled,
        notifications=NotificationStore(database=database("notifications")),
        outbox=OutboxStore(database=database("notifications")),
        courier=publisher(),
        clock=clock,
        remember_s=settings().idempotency_ttl_s,
    )


@cache
def trace() -> Callable[[UUID], TracedNotification]:
    return partial(tracing.trace, traces=TraceStore(database=database("notifications")))
