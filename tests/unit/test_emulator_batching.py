"""A batch is as long as its limits allow, due in time, and nothing is lost or reordered on the way."""

from hypothesis import given
from hypothesis import strategies as st

from offline.emulator.backoff import Backoff
from offline.emulator.batching import BatchGatherer, BatchLimits, Delivery


class Clock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def gatherer(clock: Clock, *, batch_size: int = 3, window_s: float = 1, max_bytes: int = 100) -> BatchGatherer:
    limits = BatchLimits(batch_size=batch_size, window_s=window_s, max_bytes=max_bytes)
    return BatchGatherer(limits=limits, clock_s=clock)


def delivery(tag: int, size_bytes: int = 1) -> Delivery:
    return Delivery(tag=tag, record={}, size_bytes=size_bytes)


def tags(batch: list[Delivery]) -> list[int]:
    return [one.tag for one in batch]


def test_nothing_is_due_while_nothing_waits() -> None:
    assert gatherer(Clock()).due_in_s() is None


def test_the_window_is_counted_from_the_first_arrival() -> None:
    clock = Clock()
    waiting = gatherer(clock)
    waiting.add(delivery(1))
    clock.now_s = 0.75
    waiting.add(delivery(2))
    assert waiting.due_in_s() == 0.25
    clock.now_s = 1.5
    assert waiting.due_in_s() == 0
    assert tags(waiting.take()) == [1, 2]


def test_a_full_batch_is_due_at_once() -> None:
    waiting = gatherer(Clock(), batch_size=2)
    for tag in (1, 2, 3):
        waiting.add(delivery(tag))
    assert waiting.due_in_s() == 0
    assert tags(waiting.take()) == [1, 2]
    assert waiting.due_in_s() == 1


def test_what_does_not_fit_any_more_waits_for_the_next_batch() -> None:
    waiting = gatherer(Clock(), batch_size=10, max_bytes=100)
    for tag in (1, 2, 3):
        waiting.add(delivery(tag, size_bytes=50))
    assert waiting.due_in_s() == 0
    assert tags(waiting.take()) == [1, 2]
    assert tags(waiting.take()) == [3]


def test_what_the_broker_has_back_is_forgotten() -> None:
    waiting = gatherer(Clock())
    waiting.add(delivery(1))
    waiting.clear()
    assert waiting.due_in_s() is None
    assert len(waiting) == 0


@given(sizes=st.lists(st.integers(1, 100), max_size=50), batch_size=st.integers(1, 10), max_bytes=st.integers(100, 300))
def test_batches_keep_order_and_limits_and_lose_nothing(sizes: list[int], batch_size: int, max_bytes: int) -> None:
    clock = Clock()
    waiting = gatherer(clock, batch_size=batch_size, max_bytes=max_bytes)
    for tag, size in enumerate(sizes):
        waiting.add(delivery(tag, size))
    clock.now_s = 2
    seen: list[int] = []
    while waiting.due_in_s() == 0:
        batch = waiting.take()
        assert 1 <= len(batch) <= batch_size
        assert sum(one.size_bytes for one in batch) <= max_bytes
        seen += tags(batch)
    assert seen == list(range(len(sizes)))
    assert len(waiting) == 0


def test_a_backoff_doubles_up_to_its_limit_and_starts_anew() -> None:
    backoff = Backoff(0.5, 3)
    assert [backoff.next_s() for _ in range(4)] == [0.5, 1, 2, 3]
    backoff.reset()
    assert backoff.next_s() == 0.5
