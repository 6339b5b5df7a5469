"""Accepting notifications, telling what became of them, and taking them back."""

from collections.abc import Callable, Sequence
from functools import partial

from chalicelib.domain.listing import NotificationPage
from chalicelib.domain.request import SendNotification
from chalicelib.domain.trace import TracedNotification
from chalicelib.errors import CarillonError
from chalicelib.services import accept as accepting
from chalicelib.services import accept_batch as accepting_batch
from chalicelib.services import cancel as cancelling
from chalicelib.services import list_notifications as listing
from chalicelib.services import trace as tracing
from chalicelib.stores.cancellations import CancellationStore
from chalicelib.stores.notification_list import NotificationListStore
from chalicelib.stores.notifications import NotificationStore
from chalicelib.stores.outbox import OutboxStore
from chalicelib.stores.progress_memory import RedisProgressMemory
from chalicelib.stores.request_memory import RedisRequestMemory
from chalicelib.stores.traces import TraceStore
from chalicelib.wiring.environment import clock, database, publisher, read_database, redis_cache, settings
from chalicelib.wiring.kept import kept
from chalicelib.wiring.people import people, preferences_of
from chalicelib.wiring.templates import compiled, templates


@kept
def accept() -> Callable[[SendNotification], accepting.Accepted]:
    return partial(
        accepting.accept,
        memory=RedisRequestMemory(cache=redis_cache()),
        people=people(),
        preferences_of=preferences_of(),
        catalog=templates(),
        compiled=compiled,
        notifications=NotificationStore(database=database("notifications")),
        outbox=OutboxStore(database=database("notifications")),
        courier=publisher(),
        clock=clock,
        remember_s=settings().idempotency_ttl_s,
    )


@kept
def accept_batch() -> Callable[[Sequence[SendNotification | CarillonError]], Sequence[accepting_batch.Outcome]]:
    return partial(
        accepting_batch.accept_batch,
        people=people(),
        preferences_of=preferences_of(),
        catalog=templates(),
        compiled=compiled,
        notifications=NotificationStore(database=database("notifications")),
        outbox=OutboxStore(database=database("notifications")),
        courier=publisher(),
        clock=clock,
        remember_s=settings().idempotency_ttl_s,
    )


@kept
def progress() -> RedisProgressMemory:
    """To be told (`forget`) before a delivery that has ended is changed."""
    return RedisProgressMemory(cache=redis_cache())


@kept
def trace() -> partial[TracedNotification]:
    return partial(tracing.trace, traces=TraceStore(database=database("notifications")), progress=progress())


@kept
def list_notifications() -> partial[NotificationPage]:
    return partial(listing.list_notifications, listing=NotificationListStore(database=read_database("notifications")))


@kept
def cancel() -> Callable[[cancelling.Cancel], TracedNotification]:
    return partial(
        cancelling.cancel,
        cancellations=CancellationStore(database=database("notifications")),
        traces=TraceStore(database=database("notifications")),
        progress=progress(),
        clock=clock,
    )
