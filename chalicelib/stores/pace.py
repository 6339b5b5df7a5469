"""Paces of providers: shared through Redis, by its clock, and in this process alone while it is away.

Every call is one script, hence atomic; the contract suite holds the script and the pure `Track` to the same answers.
"""

import threading
from typing import Any

from redis.commands.core import Script

from chalicelib.domain.circuit import Monotonic
from chalicelib.domain.pace import FOREIGN_S, Slot, Track, Turn
from chalicelib.errors import CacheUnavailable
from chalicelib.stores.cache import Cache

PREFIX = "pace"
MICROSECONDS = 1_000_000

TURN = """
    local verb, interval, longest, hold = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
    local time = redis.call('TIME')
    local now = time[1] * 1000000 + time[2]
    local stored = redis.call('HMGET', KEYS[1], 'next', 'held')
    local next_at, held = math.max(now, tonumber(stored[1] or 0)), tonumber(stored[2] or 0)
    if next_at > now + interval + tonumber(ARGV[5]) then
        next_at = now
    end
    local turn, wait = 'taken', next_at - now
    if verb == 'hold' then
        held = math.max(held, now + hold)
    elseif held > now then
        return {'held', held - now}
    elseif wait > longest then
        return {'too_far', wait - longest}
    elseif verb == 'look' then
        return {turn, wait}
    else
        next_at = next_at + interval
    end
    -- as text with all its digits: a number would be rounded to fourteen
    redis.call('HSET', KEYS[1], 'next', string.format('%.0f', next_at), 'held', string.format('%.0f', held))
    redis.call('PEXPIRE', KEYS[1], math.ceil((math.max(next_at, held) - now) / 1000) + 60000)
    return {turn, wait}
"""


class ProcessPace:
    """The pace of this process alone."""

    def __init__(self, interval_s: float, *, monotonic_s: Monotonic) -> None:
        self.interval_s = interval_s
        self._monotonic_s = monotonic_s
        self._track = Track()
        self._lock = threading.Lock()

    def take(self, *, longest_wait_s: float) -> Slot:
        with self._lock:
            self._track, slot = self._asked(longest_wait_s)
        return slot

    def look(self, *, longest_wait_s: float) -> Slot:
        return self._asked(longest_wait_s)[1]

    def hold(self, for_s: float) -> None:
        with self._lock:
            self._track = self._track.hold(for_s, at_s=self._monotonic_s())

    def follow(self, slot: Slot) -> None:
        """Go on from what the shared pace has answered: no second slot at that moment while Redis is away."""
        with self._lock:
            now_s = self._monotonic_s()
            if slot.turn is Turn.TAKEN:
                self._track = Track(now_s + slot.wait_s + self.interval_s)
            elif slot.turn is Turn.HELD:
                self._track = self._track.hold(slot.wait_s, at_s=now_s)

    def _asked(self, longest_wait_s: float) -> tuple[Track, Slot]:
        return self._track.take(self.interval_s, longest_wait_s=longest_wait_s, at_s=self._monotonic_s())


class SharedPace:
    """The pace of all processes together; each keeps its own while Redis is away."""

    def __init__(self, name: str, interval_s: float, *, cache: Cache, monotonic_s: Monotonic) -> None:
        self.interval_s = interval_s
        self._key = f"{PREFIX}:{name}"
        self._cache = cache
        self._own = ProcessPace(interval_s, monotonic_s=monotonic_s)
        self._script: Script | None = None

    def take(self, *, longest_wait_s: float) -> Slot:
        try:
            slot = self._ask("take", longest_wait_s=longest_wait_s)
        except CacheUnavailable:
            return self._own.take(longest_wait_s=longest_wait_s)
        self._own.follow(slot)
        return slot

    def look(self, *, longest_wait_s: float) -> Slot:
        try:
            return self._ask("look", longest_wait_s=longest_wait_s)
        except CacheUnavailable:
            return self._own.look(longest_wait_s=longest_wait_s)

    def hold(self, for_s: float) -> None:
        self._own.hold(for_s)
        try:
            self._ask("hold", for_s=for_s)
        except CacheUnavailable:
            return  # the others find out for themselves

    def _ask(self, verb: str, *, longest_wait_s: float = 0.0, for_s: float = 0.0) -> Slot:
        # a fraction of a microsecond more rather than less: the rate is a limit
        lengths_s = (self.interval_s, longest_wait_s, for_s, FOREIGN_S)
        lengths = [-int(-length_s * MICROSECONDS // 1) for length_s in lengths_s]
        turn, wait = self._run(verb, *lengths)
        return Slot(Turn(turn.decode()), wait / MICROSECONDS)

    def _run(self, *arguments: str | int) -> Any:  # Any: what the script returns
        with self._cache.client() as client:
            if self._script is None:
                self._script = client.register_script(TURN)
            return self._script(keys=[self._key], args=list(arguments), client=client)
