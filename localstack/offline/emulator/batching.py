"""When waiting messages become a batch, and which: the batch size, the window and the payload limit. Pure."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from offline.emulator.rmq_event import Record


@dataclass(frozen=True, slots=True)
class Delivery:
    """An unacknowledged message; `tag` grows from delivery to delivery, `size_bytes` is its part of the event."""

    tag: int
    record: Record
    size_bytes: int


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """`max_bytes` is what the records may take together."""

    batch_size: int
    window_s: float
    max_bytes: int


class BatchGatherer:
    """Messages in the order of their tags. A batch is the longest run from the front that the limits allow.

    It is due when it cannot grow any more, or `window_s` after its first message arrived.
    """

    def __init__(self, *, limits: BatchLimits, clock_s: Callable[[], float]) -> None:
        self._limits = limits
        self._clock_s = clock_s
        self._waiting: deque[tuple[float, Delivery]] = deque()
        self._waiting_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, delivery: Delivery) -> None:
        """Take one more. Its size must not be above `max_bytes`."""
        self._waiting.append((self._clock_s(), delivery))
        self._waiting_bytes += delivery.size_bytes

    def due_in_s(self) -> float | None:
        """0 when a batch is due, the time until it is, or None while nothing waits."""
        if not self._waiting:
            return None
        if len(self._waiting) >= self._limits.batch_size or self._waiting_bytes >= self._limits.max_bytes:
            return 0.0
        arrived_s, _ = self._waiting[0]
        return max(0.0, arrived_s + self._limits.window_s - self._clock_s())

    def take(self) -> list[Delivery]:
        """The next batch; what remains waits on, its window counted from its own arrival."""
        batch: list[Delivery] = []
        room_bytes = self._limits.max_bytes
        while self._waiting and len(batch) < self._limits.batch_size and self._waiting[0][1].size_bytes <= room_bytes:
            _, delivery = self._waiting.popleft()
            room_bytes -= delivery.size_bytes
            batch.append(delivery)
        self._waiting_bytes -= self._limits.max_bytes - room_bytes
        return batch

    def clear(self) -> None:
        """Forget all: their channel is closed, the broker has them back."""
        self._waiting.clear()
        self._waiting_bytes = 0
