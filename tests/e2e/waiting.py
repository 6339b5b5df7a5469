"""The one place where the tests of the whole system wait."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.1


def eventually(probe: Callable[[], T | None], *, within_s: float, otherwise: Callable[[], object]) -> T:
    """The first thing that `probe` returns and that is neither None, False nor empty.

    Raises:
        AssertionError: there was none in time; it says what `otherwise` then returns.
    """
    ends_at_s = time.monotonic() + within_s
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > ends_at_s:
            raise AssertionError(f"not within {within_s} s: {otherwise()}")
        time.sleep(POLL_S)
