"""Ends the session that a person's token belongs to."""

from typing import Protocol
from uuid import UUID

from chalicelib.domain.principal import Principal
from chalicelib.errors import Forbidden


class EndedSessions(Protocol):
    def end(self, session_id: str, *, user_id: UUID) -> None: ...


def log_out(caller: Principal, *, sessions: EndedSessions) -> None:
    """The access and the refresh token of the caller's session are dead when this returns. Others go on.

    Raises:
        Forbidden: the caller is an API client, which has no session.
        CacheUnavailable: it is not known whether the session ended; calling again is right.
    """
    if caller.session_id is None or caller.user_id is None:
        raise Forbidden("This is for a person's own session.")
    sessions.end(caller.session_id, user_id=caller.user_id)
