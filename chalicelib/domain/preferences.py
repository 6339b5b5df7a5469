"""What a person wants to get: by channel, by category, and not at night."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from chalicelib.domain.notification import Channel


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` until `end` of each day by the person's own clock; a start later than the end crosses midnight."""

    start: time
    end: time

    def until(self, now: datetime, *, timezone: str) -> datetime | None:
        """When the quiet hours end that hold at `now` (aware), in UTC; None when none hold.

        An end that a change to summer time leaves out falls on the moment after the gap (PEP 495).
        """
        local = now.astimezone(ZoneInfo(timezone))
        clock = local.time().replace(tzinfo=None, fold=0)
        crossing = self.start > self.end
        is_quiet = clock >= self.start or clock < self.end if crossing else self.start <= clock < self.end
        if not is_quiet:
            return None
        day = local.date() + timedelta(days=1 if crossing and clock >= self.start else 0)
        end = datetime.combine(day, self.end, tzinfo=local.tzinfo).astimezone(UTC)
        # of an hour that a change to winter time repeats, the end may lie in the round that is over
        return end if end > now else datetime.combine(day, self.end.replace(fold=1), local.tzinfo).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Preferences:
    """What is not said is wanted."""

    channels: Mapping[Channel, bool] = field(default_factory=dict)
    categories: Mapping[str, Mapping[Channel, bool]] = field(default_factory=dict)
    quiet_hours: QuietHours | None = None
    timezone: str = "UTC"

    def wants(self, channel: Channel, category: str | None) -> bool:
        """Whether a notification of this category may use this channel. Priority does not override it."""
        of_category = self.categories.get(category, {}) if category is not None else {}
        return self.channels.get(channel, True) and of_category.get(channel, True)

    def quiet_until(self, now: datetime) -> datetime | None:
        """When the person's quiet hours end, if they hold at `now`."""
        return None if self.quiet_hours is None else self.quiet_hours.until(now, timezone=self.timezone)


DEFAULT_PREFERENCES = Preferences()


@dataclass(frozen=True, slots=True)
class PreferencesRecord:
    """What a person wants, as stored. `revision` grows by one with every change; 0 means that nothing was ever said."""

    preferences: Preferences
    revision: int
