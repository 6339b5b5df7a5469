"""A quick memory of what people want, in Redis. An entry is never older than five seconds.

An entry's life begins when the reading of PostgreSQL began, not when it was written here: whatever is changed after
that moment is seen five seconds after the change at the latest, also when its deletion was lost or came too early. The
entry also says when it was read, so that a write that lay in a stalled server for a while is not believed.
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from chalicelib.domain.notification import Channel
from chalicelib.domain.preferences import Preferences, QuietHours
from chalicelib.stores.cache import Cache

LIFE = timedelta(seconds=5)


class RedisPreferencesMemory:
    """Each method is one round trip, and may raise CacheUnavailable. An entry names nobody: no address, no name."""

    def __init__(self, *, cache: Cache) -> None:
        self._cache = cache

    def recall(self, user_ids: Collection[UUID], *, at: datetime) -> Mapping[UUID, Preferences]:
        """What is known of these people at this moment, and no more than five seconds old."""
        asked = list(user_ids)
        with self._cache.client() as client:
            found = client.mget([_name(user_id) for user_id in asked])
        known = ((user_id, json.loads(entry)) for user_id, entry in zip(asked, found, strict=True) if entry)
        return {user_id: _unpacked(entry) for user_id, entry in known if _is_fresh(entry, at)}

    def keep(self, preferences: Mapping[UUID, Preferences], *, read_at: datetime, reading_s: float) -> None:
        """Remember what was read, for what is left of its life: reading began at `read_at`, `reading_s` ago."""
        left_ms = round((LIFE.total_seconds() - reading_s) * 1000)
        if left_ms <= 0 or not preferences:
            return
        with self._cache.client() as client, client.pipeline(transaction=False) as pipeline:
            for user_id, wanted in preferences.items():
                pipeline.set(_name(user_id), _packed(wanted, read_at), px=left_ms)
            pipeline.execute()

    def forget(self, user_id: UUID) -> None:
        with self._cache.client() as client:
            client.delete(_name(user_id))


def _name(user_id: UUID) -> str:
    return f"preferences:{user_id}"


def _is_fresh(entry: Mapping[str, Any], at: datetime) -> bool:
    return abs(at - datetime.fromisoformat(entry["read_at"])) < LIFE


def _packed(preferences: Preferences, read_at: datetime) -> str:
    quiet = preferences.quiet_hours
    return json.dumps(
        {
            "read_at": read_at.isoformat(),
            "channels": preferences.channels,
            "categories": preferences.categories,
            "quiet_hours": None if quiet is None else [quiet.start.isoformat(), quiet.end.isoformat()],
            "timezone": preferences.timezone,
        }
    )


def _unpacked(entry: Mapping[str, Any]) -> Preferences:  # Any: JSON of our own making
    quiet = entry["quiet_hours"]
    return Preferences(
        channels=_by_channel(entry["channels"]),
        categories={category: _by_channel(flags) for category, flags in entry["categories"].items()},
        quiet_hours=None if quiet is None else QuietHours(*map(time.fromisoformat, quiet)),
        timezone=entry["timezone"],
    )


def _by_channel(flags: Mapping[str, bool]) -> Mapping[Channel, bool]:
    return {Channel(channel): wanted for channel, wanted in flags.items()}
