"""People's sessions, in Redis. They are kept nowhere else: losing them logs people out, and nothing more.

A session is one hash. The sessions of each person are listed in a sorted set by the second in which they end, so that
all of them can be ended; those that ended by themselves fall out of it at the next login.
"""

import time
from uuid import UUID

from chalicelib.domain.session import RefreshToken, Session
from chalicelib.stores.cache import Cache

IDLE_S = 30 * 86_400
"""A session that is not carried on for 30 days has ended."""

ROTATE = """
local held = redis.call('HGET', KEYS[1], 'refresh')
if not held then
    return 0
end
if held ~= ARGV[1] then
    redis.call('DEL', KEYS[1])
    redis.call('ZREM', KEYS[2], ARGV[3])
    return 0
end
redis.call('HSET', KEYS[1], 'refresh', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return 1
"""
"""Replaces the digest of the current refresh token. Any other one than the current was used before, or was never
issued: either way somebody has what is not theirs, and the session ends."""


class SessionStore:
    """Each method raises CacheUnavailable when Redis is away; then nothing is known of any session."""

    def __init__(self, *, cache: Cache) -> None:
        self._cache = cache

    def open(self, session: Session, *, refresh: RefreshToken) -> None:
        """Begin a session, in one step."""
        kept = ["user_id", str(session.user_id), "credential", session.credential, "refresh", refresh.digest]
        now_s, listed = int(time.time()), _list_name(session.user_id)
        with self._cache.client() as client, client.pipeline(transaction=True) as steps:
            steps.hset(_name(session.id), items=kept)
            steps.expire(_name(session.id), IDLE_S)
            steps.zremrangebyscore(listed, "-inf", now_s)
            steps.zadd(listed, {session.id: now_s + IDLE_S})
            steps.expire(listed, IDLE_S)
            steps.execute()

    def find(self, session_id: str) -> Session | None:
        """A session that has not ended."""
        with self._cache.client() as client:
            user_id, credential = client.hmget(_name(session_id), ["user_id", "credential"])
        if user_id is None or credential is None:
            return None
        return Session(session_id, UUID(_text(user_id)), _text(credential))

    def rotate(self, session: Session, *, presented: RefreshToken, following: RefreshToken) -> bool:
        """Let another refresh token follow the one that was presented; whether it did.

        Of many that present one token at once exactly one is followed. The session has ended with the answer False.
        With CacheUnavailable it may have happened or not.
        """
        keys = [_name(session.id), _list_name(session.user_id)]
        arguments = [presented.digest, following.digest, session.id, str(IDLE_S), str(int(time.time()) + IDLE_S)]
        with self._cache.client() as client:
            return bool(client.eval(ROTATE, len(keys), *keys, *arguments))

    def end(self, session_id: str, *, user_id: UUID) -> None:
        """End one session: its access and refresh tokens are dead with this call. Repeating it is harmless."""
        self._end(user_id, [session_id])

    def end_all(self, user_id: UUID) -> None:
        """End every session that this person had when the call began. Repeating it is harmless."""
        with self._cache.client() as client:
            listed = client.zrange(_list_name(user_id), 0, -1)
        if listed:
            self._end(user_id, [_text(session_id) for session_id in listed])

    def _end(self, user_id: UUID, session_ids: list[str]) -> None:
        with self._cache.client() as client, client.pipeline(transaction=True) as steps:
            steps.delete(*map(_name, session_ids))
            steps.zrem(_list_name(user_id), *session_ids)
            steps.execute()


def _name(session_id: str) -> str:
    return f"session:{session_id}"


def _list_name(user_id: UUID) -> str:
    return f"sessions-of:{user_id}"


def _text(answered: object) -> str:
    return answered.decode() if isinstance(answered, bytes) else str(answered)
