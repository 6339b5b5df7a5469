"""Recalls what an idempotency key stands for, so that a repeated request is answered and not repeated."""

import secrets
from collections.abc import Mapping

from chalicelib.domain.delivery import RememberedRequest
from chalicelib.domain.request import IdempotencyKey
from chalicelib.errors import CacheUnavailable, Flaw, InvalidRequest, RequestInProgress
from chalicelib.services.ports import Notifications, RequestMemory

HEADER = "Idempotency-Key"


def require_same(idempotency: IdempotencyKey, earlier: RememberedRequest, *, pointer: str = HEADER) -> None:
    """Raises: InvalidRequest when the key stands for another request; `pointer` is where the key was given."""
    if earlier.request_hash != idempotency.request_hash:
        raise InvalidRequest(
            "This Idempotency-Key was used for another request.",
            code="idempotency_key_reused",
            flaws=[Flaw(pointer, "was used for another request")],
        )


class Recollection:
    """One request's dealings with its idempotency key. Redis makes it fast; PostgreSQL makes it true."""

    def __init__(
        self,
        client_id: str,
        idempotency: IdempotencyKey,
        *,
        memory: RequestMemory,
        notifications: Notifications,
        remember_s: int,
    ) -> None:
        self._client_id = client_id
        self._owner = secrets.token_hex(8)
        self._idempotency = idempotency
        self._memory = memory
        self._notifications = notifications
        self._remember_s = remember_s

    def begin(self) -> RememberedRequest | None:
        """What the key already stands for, if it is the same request; otherwise this request is now under way.

        Raises:
            RequestInProgress: another one with this key is being handled.
            InvalidRequest: the key stands for another request.
            DatabaseUnavailable: PostgreSQL cannot say; this request is not under way.
        """
        earlier = self._begin_in_memory() or self._find_committed()
        if earlier is not None:
            require_same(self._idempotency, earlier)
        return earlier

    def request_with(self, answer: Mapping[str, object]) -> RememberedRequest:
        """What shall be kept beside the notification, in its transaction."""
        return RememberedRequest(self._idempotency.key, self._idempotency.request_hash, answer)

    def keep(self, answer: Mapping[str, object]) -> None:
        """Make replays quick, now that the notification is committed."""
        try:
            self._memory.remember(self._client_id, self.request_with(answer), for_s=self._remember_s)
        except CacheUnavailable:
            return  # PostgreSQL remembers it

    def abandon(self) -> None:
        """Let the next request with this key have its turn."""
        try:
            self._memory.abandon(
                self._client_id,
                self._idempotency.key,
                request_hash=self._idempotency.request_hash,
                owner=self._owner,
            )
        except CacheUnavailable:
            return  # the marker ends by itself

    def _find_committed(self) -> RememberedRequest | None:
        """What PostgreSQL knows of the key. Unless it is nothing, this request gives its turn back."""
        try:
            committed = self._notifications.find_remembered(self._client_id, self._idempotency.key)
        except BaseException:
            self.abandon()
            raise
        if committed is not None:
            self.abandon()
        return committed

    def _begin_in_memory(self) -> RememberedRequest | None:
        try:
            return self._memory.begin(
                self._client_id,
                self._idempotency.key,
                request_hash=self._idempotency.request_hash,
                owner=self._owner,
            )
        except CacheUnavailable:
            return None
        except RequestInProgress:
            # whoever left the marker may have died, or lost Redis, after its commit
            committed = self._notifications.find_remembered(self._client_id, self._idempotency.key)
            if committed is None:
                raise
            return committed
