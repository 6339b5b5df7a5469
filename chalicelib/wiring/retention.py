"""Partitions for what comes, and an end for what has been kept long enough."""

from collections.abc import Callable
from functools import partial

from chalicelib.domain.databases import STORES
from chalicelib.services import ensure_months as ensuring
from chalicelib.services import purge as purging
from chalicelib.stores.ended_months import EndedMonthStore
from chalicelib.stores.ended_notifications import EndedNotificationStore
from chalicelib.stores.leftovers import ExpiredKeyStore, OldAuditStore, UnreadableStore
from chalicelib.stores.partitions import PartitionStore
from chalicelib.wiring.environment import clock, database, log, pause, settings


def ensure_months() -> None:
    """For `migrate`, which asks the server whatever its circuit says."""
    partitions = PartitionStore(database=database("notifications").regardless())
    ensuring.ensure_months(partitions=partitions, clock=clock, pause=pause, log=log())


def purge(remaining_s: Callable[[], float]) -> Callable[[], None]:
    notifications = database("notifications")
    return partial(
        purging.purge,
        retention_days=settings().retention_days,
        partitions=PartitionStore(database=notifications),
        keys=ExpiredKeyStore(database=notifications),
        months=EndedMonthStore(database=notifications),
        ended=EndedNotificationStore(database=notifications),
        leftovers=(
            UnreadableStore(database=notifications),
            *(OldAuditStore(database=database(store), store=store) for store in STORES),
        ),
        clock=clock,
        remaining_s=remaining_s,
        pause=pause,
        log=log(),
    )
