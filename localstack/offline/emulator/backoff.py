"""A delay that doubles with every failure in a row, up to a limit."""

from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """`next_s` is the delay to keep before trying again."""

    first_s: float
    max_s: float
    _failures: int = 0

    def next_s(self) -> float:
        """Count one more failure."""
        delay_s: float = min(self.max_s, self.first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return delay_s

    def reset(self) -> None:
        """It works again."""
        self._failures = 0
