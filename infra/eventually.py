"""Waiting for what AWS does in its own time."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Asks every `every_s` seconds, for at most `longest_s`. `pause` and `now_s` are a test's to replace."""

    longest_s: float
    every_s: float = 2.0
    pause: Callable[[float], object] = time.sleep
    now_s: Callable[[], float] = time.monotonic

    def until(self, done: Callable[[], bool]) -> bool:
        """Whether `done()` held in time; it is asked at least once."""
        deadline_s = self.now_s() + self.longest_s
        while not done():
            if self.now_s() >= deadline_s:
                return False
            self.pause(self.every_s)
        return True
