"""A rate as settings and clients write it: `100/15 minutes`, `6000/minute`."""

import re
from dataclasses import dataclass

_RATE = re.compile(r"(?P<amount>[1-9][0-9]{0,8})/(?:(?P<count>[1-9][0-9]{0,4}) )?(?P<unit>second|minute|hour|day)s?")
_UNITS_S = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `amount` in every window of `window_s` seconds."""

    amount: int
    window_s: int

    @property
    def interval_s(self) -> float:
        """The time from one to the next when they are evenly spaced."""
        return self.window_s / self.amount

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read `N/unit` or `N/M units`; the units are second, minute, hour and day.

        Raises:
            ValueError: it is written otherwise.
        """
        match = _RATE.fullmatch(text)
        if match is None:
            raise ValueError("must be a rate such as 6000/minute or 100/15 minutes")
        return cls(amount=int(match["amount"]), window_s=int(match["count"] or 1) * _UNITS_S[match["unit"]])


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands after one more request: of `limit`, `remaining` are left until `reset_s` from now."""

    limit: int
    remaining: int
    reset_s: int
    exceeded: bool
