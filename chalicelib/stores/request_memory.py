"""The quick memory of idempotency keys, in Redis.

A key holds a marker while its request is under way, and then the answer. The marker has an owner and lives no longer
than a function may run, so that a request whose process died does not block its own repetition for long.
"""

import base64
import hashlib
import json

from chalicelib.domain.delivery import RememberedRequest
from chalicelib.errors import RequestInProgress
from chalicelib.stores.cache import Cache

UNDER_WAY_S = 30
RETRY_AFTER_S = 1

DELETE_OWN = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
"""


class RedisRequestMemory:
    """Each method may raise CacheUnavailable; the unique key in PostgreSQL is the guarantee beneath."""

    def __init__(self, *, cache: Cache) -> None:
        self._cache = cache

    def begin(self, client_id: str, key: str, *, request_hash: bytes, owner: str) -> RememberedRequest | None:
        """Mark the request as under way in one step, or return what the key stands for.

        Raises:
            RequestInProgress: another request with this key is being handled now.
        """
        marker = _marker(request_hash, owner)
        with self._cache.client() as client:
            held = client.set(_name(client_id, key), marker, nx=True, get=True, ex=UNDER_WAY_S)
        if not isinstance(held, str | bytes):
            return None
        kept = json.loads(held)
        if "answer" not in kept:
            raise RequestInProgress(
                "A request with this Idempotency-Key is being handled.", retry_after_s=RETRY_AFTER_S
            )
        return RememberedRequest(key, base64.b64decode(kept["hash"]), kept["answer"])

    def remember(self, client_id: str, request: RememberedRequest, *, for_s: int) -> None:
        """Keep the answer for as long as PostgreSQL keeps it."""
        kept = json.dumps({"hash": _text(request.request_hash), "answer": request.answer})
        with self._cache.client() as client:
            client.set(_name(client_id, request.key), kept, ex=for_s)

    def abandon(self, client_id: str, key: str, *, request_hash: bytes, owner: str) -> None:
        """Take the marker away, if it is this owner's."""
        with self._cache.client() as client:
            client.eval(DELETE_OWN, 1, _name(client_id, key), _marker(request_hash, owner))


def _name(client_id: str, key: str) -> str:
    return f"idempotency:{client_id}:{hashlib.sha256(key.encode()).hexdigest()}"


def _marker(request_hash: bytes, owner: str) -> str:
    return json.dumps({"hash": _text(request_hash), "owner": owner})


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
