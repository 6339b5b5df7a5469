"""When a failed attempt is repeated: a fixed list of delays, one for each attempt that may still follow."""

from dataclasses import dataclass


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
