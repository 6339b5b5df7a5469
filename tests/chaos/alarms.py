"""The broker's memory alarm: every connection that publishes is blocked, and consumers go on."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from offline.services.management import ask
from offline.services.rabbitmq_control import control_private
from offline.stack.stack import Stack
from tests.chaos.fault import World
from tests.e2e.waiting import eventually

SEEN_WITHIN_S = 20.0
USUAL_WATERMARK = "0.4"
"""RabbitMQ's own default: two fifths of the memory that it may use."""


@dataclass(frozen=True, slots=True)
class MemoryAlarm:
    """The stack's own RabbitMQ believes for `for_s` that it has no memory left."""

    for_s: float
    kind: str = "memory alarm"
    target: str = "rabbitmq"

    def begin(self, world: World) -> datetime | None:
        raise_alarm(world.stack)
        return None

    def end(self, world: World) -> None:
        end_alarm(world.stack)


@contextlib.contextmanager
def publishers_blocked(stack: Stack) -> Iterator[None]:
    """The alarm is on for the length of the block, and over when it ends.

    Raises:
        ServerMissing: the stack's broker is not private.
    """
    raise_alarm(stack)
    try:
        yield
    finally:
        end_alarm(stack)


def raise_alarm(stack: Stack) -> None:
    """Leave the broker no memory at all; return when it says that the alarm is on."""
    _set_watermark(stack, "0")
    eventually(lambda: is_on(stack), within_s=SEEN_WITHIN_S, otherwise=lambda: "there is no alarm")


def end_alarm(stack: Stack) -> None:
    """Give the broker its memory back; return when it says that the alarm is over."""
    _set_watermark(stack, USUAL_WATERMARK)
    eventually(lambda: not is_on(stack), within_s=SEEN_WITHIN_S, otherwise=lambda: "the alarm is still on")


def is_on(stack: Stack) -> bool:
    """Whether the broker's own account of itself tells of a memory alarm."""
    nodes = ask(stack.addresses["RABBITMQ_MANAGEMENT_URL"], "/api/nodes")
    assert isinstance(nodes, list)
    return any(node.get("mem_alarm") for node in nodes)


def _set_watermark(stack: Stack, fraction: str) -> None:
    control_private(stack.layout.services, stack.layout.cache, "set_vm_memory_high_watermark", fraction)
