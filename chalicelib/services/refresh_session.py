"""Carries a session on: a refresh token is exchanged for another one and for an access token."""

from typing import Protocol
from uuid import UUID

from chalicelib.domain.account import Account
from chalicelib.domain.session import RefreshToken, Session
from chalicelib.errors import Unauthenticated
from chalicelib.services.authenticate_client import AccessToken, TokenIssuer
from chalicelib.services.log_in import SessionTokens
from chalicelib.services.ports import Clock


class OpenSessions(Protocol):
    """Each raises CacheUnavailable."""

    def find(self, session_id: str) -> Session | None: ...

    def rotate(self, session: Session, *, presented: RefreshToken, following: RefreshToken) -> bool:
        """Let one token follow another; with False the session has ended, with CacheUnavailable nobody knows."""
        ...

    def end(self, session_id: str, *, user_id: UUID) -> None: ...


class PresentAccounts(Protocol):
    def find(self, user_id: UUID) -> Account | None: ...


def refresh_session(
    refresh_token: str, *, sessions: OpenSessions, accounts: PresentAccounts, tokens: TokenIssuer, clock: Clock
) -> SessionTokens:
    """The session's next tokens, with what the person may do by now.

    A token is good once. One that comes again ends the session, for either its holder or somebody else is a thief
    (RFC 9700 §4.14.2); a holder whose answer was lost on its way logs in again.

    Raises:
        Unauthenticated: the token is not the session's current one, or the session has ended.
        CacheUnavailable: Redis is away. The token is still good, unless Redis had put the next one in its place and
            only the answer was lost: then trying again ends the session, and the person logs in again.
        DatabaseUnavailable: the person cannot be looked up; the token is still good.
    """
    presented = RefreshToken.parse(refresh_token)
    session = None if presented is None else sessions.find(presented.session_id)
    if presented is None or session is None:
        raise _refused()
    account = accounts.find(session.user_id)
    if account is None or account.credential != session.credential:
        sessions.end(session.id, user_id=session.user_id)
        raise _refused()
    following = RefreshToken.of(session.id)
    if not sessions.rotate(session, presented=presented, following=following):
        raise _refused()
    access = AccessToken(tokens.issue(account.principal(session.id), at=clock()), tokens.lifetime_s)
    return SessionTokens(access=access, refresh=following)


def _refused() -> Unauthenticated:
    return Unauthenticated("The refresh token is not good, or not any more.", code="invalid_refresh_token")
