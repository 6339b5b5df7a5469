"""Several environments share the pace of one provider: together they use its rate up, and never exceed it."""

import time
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

import pytest

from chalicelib.domain.pace import Turn
from chalicelib.stores.cache import Cache
from chalicelib.stores.pace import SharedPace
from tests.integration.circuits.environments import PATIENCE_S, context

PROCESSES = 6
CALLS = 40
INTERVAL_S = 0.05
WINDOWS = (1, 2, 5, 20)  # intervals


@dataclass(frozen=True)
class Moment:
    """When a slot is, by the clock that all processes share: not before, and not after."""

    earliest_s: float
    latest_s: float


def take_slots(url: str, ready: Barrier, taken: "SimpleQueue[Moment]") -> None:
    """Take slots as fast as they are given, and tell when each of them is."""
    pace = SharedPace("email:main", INTERVAL_S, cache=Cache(url, timeout_s=PATIENCE_S), monotonic_s=time.monotonic)
    pace.look(longest_wait_s=0)
    ready.wait(60)
    for _ in range(CALLS):
        asked_s = time.monotonic()
        slot = pace.take(longest_wait_s=600)
        assert slot.turn is Turn.TAKEN
        taken.put(Moment(asked_s + slot.wait_s, time.monotonic() + slot.wait_s))


def test_together_they_use_the_rate_up_and_no_window_holds_more_than_its_share_and_one(fresh_redis: str) -> None:
    forking = context()
    ready, taken = forking.Barrier(PROCESSES), forking.SimpleQueue()
    processes = [forking.Process(target=take_slots, args=(fresh_redis, ready, taken)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    moments = [taken.get() for _ in range(PROCESSES * CALLS)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    for intervals in WINDOWS:
        for begin in moments:
            # only those that were in it for certain, however long an answer has taken
            end_s = begin.earliest_s + intervals * INTERVAL_S
            inside = [one for one in moments if one.earliest_s >= begin.earliest_s and one.latest_s <= end_s]
            assert len(inside) <= intervals + 1
    lasted_s = max(one.latest_s for one in moments) - min(one.earliest_s for one in moments)
    assert lasted_s == pytest.approx((len(moments) - 1) * INTERVAL_S, rel=0.05)
