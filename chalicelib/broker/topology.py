"""The exchange, the queues and their bindings: the only place that names them.

    notifications.direct ──email──────→ email.queue        wait queues, one a lane and delay:
                         ──push───────→ push.queue         email.retry.5s ─(TTL)─→ email …
                         ──email.bulk─→ email.bulk.queue
                         ──push.bulk──→ push.bulk.queue
                         ──failed─────→ failed.queue

Every consumed queue sets `x-delivery-limit` as high as it goes: the mapping redelivers whole batches while a database
is away, and the default of RabbitMQ 4 would dead-letter healthy messages within seconds. A wait queue has one fixed
TTL, because a TTL expires at the head of a queue only, and dead-letters at least once, which needs `reject-publish`.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from chalicelib.domain.messages import FAILED

EXCHANGE = "notifications.direct"
LANES = ("email", "push", "email.bulk", "push.bulk")
DELIVERY_LIMIT = 2_147_483_647

Arguments = dict[str, str | int]


class DeclaringChannel(Protocol):
    """What a declaration needs of an AMQP channel; pika's answers are of no interest here, hence Any."""

    def exchange_declare(self, exchange: str, exchange_type: Any, *, durable: bool) -> Any: ...

    def queue_declare(self, queue: str, *, durable: bool, arguments: Any) -> Any: ...

    def queue_bind(self, queue: str, exchange: str, routing_key: str) -> Any: ...


def queue_of(lane: str) -> str:
    """The queue that a lane's function consumes."""
    return f"{lane}.queue"


def wait_queue_of(lane: str, delay_s: int) -> str:
    """The queue, and its routing key, from which a message returns to the lane after `delay_s` seconds."""
    return f"{lane}.retry.{delay_s}s"


def routing_key_of(destination: str, delay_s: int | None) -> str:
    """The key under which a dispatch reaches its queue."""
    return destination if delay_s is None else wait_queue_of(destination, delay_s)


def declare(channel: DeclaringChannel, *, retry_delays_s: Iterable[int]) -> None:
    """Make everything exist. Idempotent; a delay that is no longer used keeps its queue until it is empty of use."""
    channel.exchange_declare(EXCHANGE, "direct", durable=True)
    delays_s = tuple(retry_delays_s)
    _declare_queue(channel, queue_of(FAILED), FAILED, {"x-delivery-limit": DELIVERY_LIMIT})
    for lane in LANES:
        _declare_queue(channel, queue_of(lane), lane, _lane_arguments())
        for delay_s in delays_s:
            name = wait_queue_of(lane, delay_s)
            _declare_queue(channel, name, name, _wait_arguments(lane, delay_s))


def _declare_queue(channel: DeclaringChannel, name: str, routing_key: str, arguments: Arguments) -> None:
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum", **arguments})
    channel.queue_bind(name, EXCHANGE, routing_key)


def _lane_arguments() -> Arguments:
    return {
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": EXCHANGE,
        "x-dead-letter-routing-key": FAILED,
    }


def _wait_arguments(lane: str, delay_s: int) -> Arguments:
    return {
        "x-message-ttl": delay_s * 1000,
        "x-dead-letter-exchange": EXCHANGE,
        "x-dead-letter-routing-key": lane,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
