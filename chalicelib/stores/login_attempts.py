"""Logins that failed, counted in Redis. What a name stands for cannot be read there: only its digest is kept."""

import hashlib
from collections.abc import Mapping

from chalicelib.domain.rate import Rate
from chalicelib.errors import TooManyRequests
from chalicelib.stores.cache import Cache

TAKE = """
for index, name in ipairs(KEYS) do
    if tonumber(redis.call('GET', name) or '0') >= tonumber(ARGV[2 * index - 1]) then
        return math.max(1, redis.call('TTL', name))
    end
end
for index, name in ipairs(KEYS) do
    if redis.call('INCR', name) == 1 then
        redis.call('EXPIRE', name, ARGV[2 * index])
    end
end
return 0
"""
"""Counts one attempt under every name, or under none: an attempt that is refused makes nobody wait longer."""

GIVE_BACK = """
for _, name in ipairs(KEYS) do
    if tonumber(redis.call('GET', name) or '0') > 0 then
        redis.call('DECR', name)
    end
end
return 0
"""


class RedisLoginAttempts:
    """An attempt is counted before its outcome is known, so that many at once are not more than are allowed."""

    def __init__(self, *, cache: Cache) -> None:
        self._cache = cache

    def take(self, rates: Mapping[str, Rate]) -> None:
        """Count an attempt under each of the names, in one step. A window begins with the first attempt in it.

        Raises:
            TooManyRequests: one of the rates is used up; nothing was counted.
            CacheUnavailable: nobody can be let in.
        """
        limits = [str(figure) for rate in rates.values() for figure in (rate.amount, rate.window_s)]
        with self._cache.client() as client:
            wait_s = client.eval(TAKE, len(rates), *map(_key, rates), *limits)
        if isinstance(wait_s, int) and wait_s > 0:
            raise TooManyRequests("Too many logins failed.", retry_after_s=wait_s)

    def give_back(self, rates: Mapping[str, Rate]) -> None:
        """Take back an attempt that did not fail. Raises: CacheUnavailable; then it goes on counting."""
        with self._cache.client() as client:
            client.eval(GIVE_BACK, len(rates), *map(_key, rates))


def _key(name: str) -> str:
    return f"login:{hashlib.sha256(name.encode()).hexdigest()}"
