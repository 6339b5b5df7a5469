"""Who a bearer token speaks for now: what it says must hold, and what it stands on must still be there."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from chalicelib.domain.client import ClientState
from chalicelib.domain.principal import Principal
from chalicelib.domain.session import Session
from chalicelib.errors import Unauthenticated
from chalicelib.security.tokens import AccessTokens

FRESH_S = 4.0
"""How long a client's state is remembered: revoking is seen within five seconds, with one left for a slow read."""

MOST_REMEMBERED = 1024


class LookedUpSessions(Protocol):
    def find(self, session_id: str) -> Session | None:
        """A session that has not ended. Raises: CacheUnavailable."""
        ...


class ClientStates(Protocol):
    def find_state(self, client_id: str) -> ClientState | None:
        """The present state of a client that was not revoked. Raises: DatabaseUnavailable."""
        ...


class RememberedStates:
    """The states of clients, at most `FRESH_S` old, measured from before each was read."""

    def __init__(self, *, states: ClientStates, monotonic_s: Callable[[], float]) -> None:
        self._states = states
        self._monotonic_s = monotonic_s
        self._remembered: dict[str, tuple[float, ClientState | None]] = {}

    def find_state(self, client_id: str) -> ClientState | None:
        """None when there is no such client, or it was revoked. Raises: DatabaseUnavailable."""
        now_s = self._monotonic_s()
        remembered = self._remembered.get(client_id)
        if remembered is not None and now_s - remembered[0] < FRESH_S:
            return remembered[1]
        state = self._states.find_state(client_id)
        self._remembered.pop(client_id, None)
        self._remembered[client_id] = (now_s, state)
        if len(self._remembered) > MOST_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        return state


class Verifier:
    """Verifies every token anew; only the signature, which cannot change, is remembered."""

    def __init__(self, *, tokens: AccessTokens, sessions: LookedUpSessions, clients: ClientStates) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._clients = clients

    def verify(self, token: str, *, at: datetime) -> Principal:
        """A person in a session that goes on, or a client that was not revoked, with its own rate.

        Raises:
            Unauthenticated: the token does not hold; or its session has ended; or its client was revoked.
            CacheUnavailable: the token is a person's, and their session cannot be looked up.
            DatabaseUnavailable: the token is a client's, and its state cannot be looked up.
        """
        principal = self._tokens.verify(token, at=at)
        if principal.session_id is not None:
            return self._in_session(principal, principal.session_id)
        state = self._clients.find_state(principal.subject)
        if state is None:
            raise Unauthenticated("The client was revoked.", code="invalid_token")
        return principal if state.rate is None else replace(principal, rate=state.rate)

    def _in_session(self, principal: Principal, session_id: str) -> Principal:
        session = self._sessions.find(session_id)
        if session is None or session.user_id != principal.user_id:
            raise Unauthenticated("The session has ended.", code="invalid_token")
        return principal
