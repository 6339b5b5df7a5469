"""When a failed attempt is repeated, and when somebody asks again for whom there was no attempt.

Of retries there is a fixed list of delays, one for each attempt that may still follow. Deferrals have no end but the
delivery's own: they double.
"""

from dataclasses import dataclass
from uuid import UUID

SHORTEST_DEFERRAL_S = 5.0
LONGEST_DEFERRAL_S = 900.0
LONGEST_WISH_S = 86_400.0
"""A provider that asks for more than a day is asked again after one."""

_SPREAD_STEPS = 1000
_MOST_DOUBLINGS = 10


def deferral_s(
    deferrals: int, delivery_id: UUID, *, at_least_s: float = 0.0, longest_s: float = LONGEST_DEFERRAL_S
) -> float:
    """Seconds to wait after so many deferrals in a row, spread by the delivery over half as long again.

    5, 10, 20, … up to `longest_s`, but at least as long as it is known that nobody will be called.
    """
    step_s = min(SHORTEST_DEFERRAL_S * 2.0 ** min(deferrals, _MOST_DOUBLINGS), longest_s)
    spread = delivery_id.int % _SPREAD_STEPS / _SPREAD_STEPS
    return max(step_s, min(at_least_s, LONGEST_WISH_S)) * (1 + spread / 2)


@dataclass(frozen=True, slots=True)
class RetryDelays:
    """Seconds to wait after the first, second, … failed attempt; after the last delay's attempt there is none."""

    delays_s: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> "RetryDelays":
        """Read `5,25,125`: growing whole seconds between 1 and a day.

        Raises:
            ValueError: the text is not such a list.
        """
        try:
            delays_s = tuple(int(part) for part in text.split(","))
        except ValueError:
            raise ValueError(f"retry delays must be whole seconds separated by commas, not {text!r}") from None
        if not all(1 <= delay_s <= 86_400 for delay_s in delays_s) or list(delays_s) != sorted(set(delays_s)):
            raise ValueError("retry delays must grow, each between 1 and 86400 seconds")
        return cls(delays_s)

    def after(self, attempt: int) -> int | None:
        """Seconds until the attempt that follows number `attempt` (1-based), or None when it was the last."""
        return self.delays_s[attempt - 1] if 1 <= attempt <= len(self.delays_s) else None
