"""The progress of notifications in Redis: their deliveries and events, which hold nothing personal.

Written by whoever has read it from PostgreSQL, and only forward: events are never taken back, so of two readings the
one that saw more of them, each as often as it counts, is the newer. Their newest position would not do: two deliveries
of one notification may commit in another order than they took their positions in.
"""

from collections.abc import Collection
from uuid import UUID

from pydantic import TypeAdapter

from chalicelib.domain.trace import TracedDelivery
from chalicelib.errors import CacheUnavailable
from chalicelib.stores.cache import Cache

SHAPE = 2
"""Of what is kept: another shape is kept under another name, so that no version of this code reads another's."""

BARRIER_S = 30
"""Longer than a reading that began before the change can take to arrive here."""

KEEP = """
local held = redis.call('GET', KEYS[1])
if held and (held == '!' or tonumber(string.match(held, '^%d+')) > tonumber(ARGV[1])) then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'EX', ARGV[3])
return 1
"""

_DELIVERIES = TypeAdapter(tuple[TracedDelivery, ...])


class RedisProgressMemory:
    """Never raises: without Redis nothing is remembered."""

    def __init__(self, *, cache: Cache) -> None:
        self._cache = cache

    def recall(self, notification_id: UUID) -> tuple[TracedDelivery, ...] | None:
        """The deliveries as somebody has read them not long ago."""
        try:
            with self._cache.client() as client:
                held = client.get(_name(notification_id))
        except CacheUnavailable:
            return None
        _, separator, progress = held.partition(b" ") if isinstance(held, bytes) else (b"", b"", b"")
        return _DELIVERIES.validate_json(progress) if separator else None

    def keep(self, notification_id: UUID, deliveries: tuple[TracedDelivery, ...], *, for_s: int) -> None:
        """Remember a reading, unless a newer one is there, or the notification was to be forgotten meanwhile."""
        seen = sum(event.count for delivery in deliveries for event in delivery.events)
        try:
            with self._cache.client() as client:
                client.eval(KEEP, 1, _name(notification_id), str(seen), _DELIVERIES.dump_json(deliveries), str(for_s))
        except CacheUnavailable:
            return  # PostgreSQL knows

    def forget(self, notification_id: UUID) -> None:
        """Show nothing remembered of this notification; to be called before it is changed.

        For half a minute nothing is remembered anew, so that a reading from before the change cannot come after it.
        """
        try:
            with self._cache.client() as client:
                client.set(_name(notification_id), "!", ex=BARRIER_S)
        except CacheUnavailable:
            return  # what moves is forgotten within two seconds anyway

    def forget_surely(self, notification_ids: Collection[UUID]) -> None:
        """The same of many, for a change that must not be made before. Raises: CacheUnavailable."""
        with self._cache.client() as client, client.pipeline(transaction=False) as steps:
            for notification_id in notification_ids:
                steps.set(_name(notification_id), "!", ex=BARRIER_S)
            steps.execute()


def _name(notification_id: UUID) -> str:
    return f"progress:{SHAPE}:{notification_id}"
