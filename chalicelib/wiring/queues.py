"""What waits in the queues, and the canary that flies through them."""

from collections.abc import Callable
from functools import partial

from chalicelib.broker.gauge import QueueGauge
from chalicelib.broker.topology import LANES, queue_of, wait_queue_of
from chalicelib.domain.backlog import Queue
from chalicelib.domain.messages import FAILED
from chalicelib.services import inspect_queues as inspecting
from chalicelib.services import measure_queues as measuring
from chalicelib.services.canary import Canary, CanaryRecipient
from chalicelib.services.inspect_queues import QueuesReport
from chalicelib.stores.backlog import BacklogStore
from chalicelib.stores.canaries import CanaryStore
from chalicelib.wiring.environment import clock, database, log, secrets, settings
from chalicelib.wiring.kept import kept
from chalicelib.wiring.notifications import accept
from chalicelib.wiring.templates import create_template, publish_template


def queues() -> tuple[Queue, ...]:
    """Every queue of the topology: those of the lanes, the failed one, those that hold retries back."""
    waits = [wait_queue_of(lane, delay_s) for lane in LANES for delay_s in settings().retry_delays.delays_s]
    return (
        *(Queue(queue_of(lane), lane=lane) for lane in LANES),
        Queue(queue_of(FAILED)),
        *(Queue(name, consumed=False) for name in waits),
    )


@kept
def inspect_queues() -> Callable[[], QueuesReport]:
    return partial(
        inspecting.inspect_queues,
        queues=queues(),
        gauge=QueueGauge(settings().reveal("rabbitmq_url"), doubt=secrets().doubt),
        ages=BacklogStore(database=database("notifications")),
    )


@kept
def measure_queues() -> Callable[[], None]:
    backlog = BacklogStore(database=database("notifications"))
    return partial(measuring.measure_queues, inspect=inspect_queues(), backlog=backlog, log=log())


@kept
def canary() -> Callable[[], None] | None:
    """None while the settings name nobody whom it could reach."""
    email, device_token = settings().canary_email or None, settings().canary_device_token or None
    if email is None and device_token is None:
        return None
    return Canary(
        recipient=CanaryRecipient(email=email, device_token=device_token),
        accept=accept(),
        create_template=create_template(),
        publish_template=publish_template(),
        canaries=CanaryStore(database=database("notifications")),
        clock=clock,
        log=log(),
    )
