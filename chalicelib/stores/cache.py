"""One Redis client an execution environment. A Redis that is away is asked again only after a rest."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis

from chalicelib.errors import CacheUnavailable

TIMEOUT_S = 0.25
REST_AFTER_FAILURE_S = 2.0


class Cache:
    """Gives the client for one use at a time."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S, doubt: Callable[[], None] = lambda: None) -> None:
        """`doubt` is told when Redis refuses the password of the URL. Any thread may tell it."""
        self._doubt = doubt
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            health_check_interval=0,
        )
        self._rest_until_s = 0.0

    @contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """The client, for the length of the block.

        After a failure every use within the next two seconds fails at once: a request does not pay for a dead Redis.

        Raises:
            CacheUnavailable: Redis is away. Nothing in it is the only copy of anything.
        """
        if time.monotonic() < self._rest_until_s:
            raise CacheUnavailable("Redis: could not be reached a moment ago")
        try:
            yield self._client
        except redis.RedisError as error:
            if isinstance(error, redis.AuthenticationError):
                self._doubt()
            self._rest_until_s = time.monotonic() + REST_AFTER_FAILURE_S
            raise CacheUnavailable(f"Redis: {type(error).__name__}") from error

    def close(self) -> None:
        self._client.close()
