"""How a double fares as a whole, whatever its scripts say of one recipient: chaos scenarios change it over HTTP.

| mode | mail sink | FCM double |
|---|---|---|
| `normal` | serves | serves |
| `slow` | keeps a mail, answers its end after `after_s` | keeps a message, answers after `after_s` |
| `refusing` | 421 at the greeting and to any command, and closes; keeps nothing | 503 UNAVAILABLE with Retry-After |
| `half_closing` | keeps, closes its sending side without an answer, and goes on reading | the same |
| `accepts_then_drops` | keeps, closes the connection without an answer | the same |
| `trickling` | writes every reply a byte each `after_s` | keeps, and writes its answer so |
| `misconfigured` | 535 to MAIL | 401 UNAUTHENTICATED |

A mood counts from the next command or request on, also on connections that are open already. In those moods in which
something is kept without an answer, the entry says `"answered": false`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from offline.doubles.serving import utc_now

Json: TypeAlias = dict[str, object]
LONGEST_S = 3600.0


class Mode(StrEnum):
    """What a double does to whoever comes."""

    NORMAL = "normal"
    SLOW = "slow"
    REFUSING = "refusing"
    HALF_CLOSING = "half_closing"
    ACCEPTS_THEN_DROPS = "accepts_then_drops"
    TRICKLING = "trickling"
    MISCONFIGURED = "misconfigured"


DEFAULT_AFTER_S = {Mode.SLOW: 2.0, Mode.TRICKLING: 1.0}


class MoodRefused(Exception):
    """No such mood; the message says what one looks like."""


@dataclass(frozen=True, slots=True)
class Mood:
    """A mode, its delay where it has one, and since when it lasts."""

    mode: Mode = Mode.NORMAL
    after_s: float = 0.0
    since: str = field(default_factory=utc_now)

    def to_json(self) -> Json:
        """For `GET /mood`."""
        return {"mode": self.mode.value, "after_s": self.after_s, "since": self.since}


@dataclass(slots=True)
class Temper:
    """The mood of one double, shared by all its connections."""

    mood: Mood = field(default_factory=Mood)

    @property
    def mode(self) -> Mode:
        """The mode of this moment."""
        return self.mood.mode


def read_mood(asked: object) -> Mood:
    """The mood that a `PUT /mood` asks for, from now on. Raises: MoodRefused."""
    if not isinstance(asked, dict) or not asked.keys() <= {"mode", "after_s"}:
        raise MoodRefused('a mood is {"mode": …} and, if slow or trickling, "after_s"')
    if asked.get("mode") not in list(Mode):
        raise MoodRefused(f"mode is one of {', '.join(Mode)}")
    mode = Mode(asked["mode"])
    after_s = asked.get("after_s", DEFAULT_AFTER_S.get(mode, 0.0))
    if isinstance(after_s, bool) or not isinstance(after_s, int | float) or not 0 <= after_s <= LONGEST_S:
        raise MoodRefused(f"after_s is a number of seconds from 0 to {LONGEST_S:.0f}")
    return Mood(mode, float(after_s))
