"""Counts of requests in fixed windows: shared through Redis, or, while it is away, in this process alone.

A window has its number in its key, so that one round trip counts, and how long it lasts needs no other to be known.
Each name's windows begin at a moment of its own: not everybody's rate comes back in the same second.
"""

import hashlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from redis.commands.core import Script

from chalicelib.domain.rate import Rate, Standing
from chalicelib.errors import CacheUnavailable
from chalicelib.stores.cache import Cache

PREFIX = "rate"
MAX_NAMES = 10_000
INCREMENT = """
    local count = redis.call('INCR', KEYS[1])
    if count == 1 then
        redis.call('EXPIRE', KEYS[1], ARGV[1])
    end
    return count
"""
_SKEW_S = 60
"""How far the clocks of two processes may differ without one of them forgetting what the other counted."""

ClockS = Callable[[], float]
"""Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class _Window:
    """One window of one name. The key tells nothing of the name, which may be an address."""

    key: str
    left_s: float

    @classmethod
    def of(cls, name: str, rate: Rate, *, now_s: float) -> "_Window":
        digest = hashlib.sha256(name.encode()).digest()
        phase_s = int.from_bytes(digest[:4]) % rate.window_s
        number, passed_s = divmod(now_s + phase_s, rate.window_s)
        return cls(key=f"{digest[:16].hex()}/{rate.window_s}/{int(number)}", left_s=rate.window_s - passed_s)

    def standing(self, rate: Rate, *, count: int) -> Standing:
        return Standing(
            limit=rate.amount,
            remaining=max(0, rate.amount - count),
            reset_s=max(1, math.ceil(self.left_s)),
            exceeded=count > rate.amount,
        )


class ProcessRateCounters:
    """Counts in this process. Knows the `max_names` that were counted last, and forgets the others."""

    def __init__(self, *, clock_s: ClockS = time.time, max_names: int = MAX_NAMES) -> None:
        self._clock_s = clock_s
        self._max_names = max_names
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, int] = OrderedDict()

    def hit(self, name: str, rate: Rate) -> Standing:
        """Count one more. Safe for threads."""
        window = _Window.of(name, rate, now_s=self._clock_s())
        with self._lock:
            count = self._counts.pop(window.key, 0) + 1
            self._counts[window.key] = count
            if len(self._counts) > self._max_names:
                self._counts.popitem(last=False)
        return window.standing(rate, count=count)


class RedisRateCounters:
    """Counts for all processes together; each for itself while Redis is away."""

    def __init__(self, *, cache: Cache, clock_s: ClockS = time.time, max_names: int = MAX_NAMES) -> None:
        self._cache = cache
        self._clock_s = clock_s
        self._own = ProcessRateCounters(clock_s=clock_s, max_names=max_names)
        self._script: Script | None = None

    def hit(self, name: str, rate: Rate) -> Standing:
        """Count one more, in one round trip. Never raises; never lets more than the rate pass while Redis is there."""
        window = _Window.of(name, rate, now_s=self._clock_s())
        try:
            count = self._increment(window)
        except CacheUnavailable:
            return self._own.hit(name, rate)
        return window.standing(rate, count=count)

    def _increment(self, window: _Window) -> int:
        with self._cache.client() as client:
            if self._script is None:
                self._script = client.register_script(INCREMENT)
            expiry_s = math.ceil(window.left_s) + _SKEW_S
            return int(self._script(keys=[f"{PREFIX}:{window.key}"], args=[expiry_s], client=client))
