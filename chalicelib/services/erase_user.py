"""Erases a person: from the store of people at once, and from everywhere else until nothing can come back.

    ONE transaction: the person is deleted, the erasure is noted → notifications → sessions → quick memory
    `relay`: the same again, every half minute, for what is noted, until no function lives that could still write

Only the transaction decides. If the process dies after it, or a server is away, `relay` goes on with what is noted.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from uuid import UUID

from chalicelib.domain.audit import Actor, NewAudit, new_audit
from chalicelib.domain.erasure import PendingErasure
from chalicelib.errors import DependencyUnavailable
from chalicelib.services.ports import Clock, Log, Sessions

PAGE = 200
"""Notifications that are erased in one transaction, and erasures that are taken up in one turn."""

MOST_PAGES = 25
"""What one turn takes on of one person; the next goes on."""

ROOM_FOR_ONE_S = 5.0


@dataclass(frozen=True, slots=True)
class EraseUser:
    """`if_match` holds the revisions that are meant; `may_erase_admins` tells what the caller may do."""

    user_id: UUID
    by: Actor
    if_match: frozenset[int] | None = None
    may_erase_admins: bool = False


class Erasures(Protocol):
    def begin(self, user_id: UUID, *, if_match: frozenset[int] | None, may_erase_admins: bool, audit: NewAudit) -> None:
        """Delete the person and note the erasure, both or neither.

        Raises: NotFound, Forbidden, PreconditionFailed, Conflict.
        """
        ...

    def take_pending(self, *, limit: int) -> list[PendingErasure]: ...

    def finish(self, user_id: UUID) -> None: ...


class NotificationErasures(Protocol):
    def find(self, user_id: UUID, *, limit: int) -> Sequence[UUID]:
        """Some of the person's notifications."""
        ...

    def erase(self, user_id: UUID, notification_ids: Collection[UUID]) -> int:
        """Erase the person from those of these that are theirs; how many are nobody's now.

        The others are in a worker's hands, and are to be erased once more after that.
        """
        ...


class ProgressForgetting(Protocol):
    def forget_surely(self, notification_ids: Collection[UUID]) -> None:
        """Show nothing remembered of these, and remember nothing for a while. Raises: CacheUnavailable."""
        ...


class Forgetting(Protocol):
    def forget(self, user_id: UUID) -> None: ...


@dataclass(frozen=True, slots=True)
class Traces:
    """All places beside the store of people in which something of a person may be."""

    notifications: NotificationErasures
    progress: ProgressForgetting
    sessions: Sessions
    preferences: Forgetting
    log: Log

    def erase(self, user_id: UUID) -> bool:
        """Erase a person from each place, whatever becomes of the others; whether nothing is left to do."""
        return all([self._is_done(user_id, step) for step in self._steps(user_id)])

    def _steps(self, user_id: UUID) -> Iterator[Callable[[], object]]:
        yield partial(self._erase_notifications, user_id)
        yield partial(self.sessions.end_all, user_id)
        yield partial(self.preferences.forget, user_id)

    def _is_done(self, user_id: UUID, step: Callable[[], object]) -> bool:
        try:
            return step() is not False
        except DependencyUnavailable as error:
            self.log.warning("erasure_put_off", user_id=str(user_id), reason=error.code)
            return False

    def _erase_notifications(self, user_id: UUID) -> bool:
        """Page by page; whether none is left. A history that is remembered goes before the one that is stored:
        which notifications were the person's is not known afterwards.
        """
        for _ in range(MOST_PAGES):
            page = self.notifications.find(user_id, limit=PAGE)
            if not page:
                return True
            self.progress.forget_surely(page)
            if self.notifications.erase(user_id, page) == 0:
                return False
        return False


def erase_user(command: EraseUser, *, erasures: Erasures, traces: Traces, clock: Clock) -> None:
    """After this returns the person is deleted, and everything else of theirs is, or will be without any more doing.

    Raises:
        NotFound: there is no such person.
        Forbidden: they are an administrator, and the caller is not.
        PreconditionFailed: somebody changed them meanwhile.
        Conflict: nobody else is an administrator.
        DatabaseUnavailable: nothing changed, or it is not known whether it did; repeating it is right.
    """
    erasures.begin(
        command.user_id,
        if_match=command.if_match,
        may_erase_admins=command.may_erase_admins,
        audit=new_audit(command.by, "user.erased", f"user:{command.user_id}", at=clock()),
    )
    traces.erase(command.user_id)


def finish_erasures(*, erasures: Erasures, traces: Traces, remaining_s: Callable[[], float]) -> None:
    """Erase everybody again who is noted, as far as the time goes; who cannot have left anything since is done with.

    Several may run. Repeating it is harmless.

    Raises:
        DatabaseUnavailable: who is noted cannot be read.
    """
    for pending in erasures.take_pending(limit=PAGE):
        if remaining_s() < ROOM_FOR_ONE_S:
            return
        if traces.erase(pending.user_id) and pending.is_last:
            erasures.finish(pending.user_id)
