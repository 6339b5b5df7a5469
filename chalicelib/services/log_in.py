"""Begins a person's session, given their address and their password.

How guessing is made slow. An attempt counts as a failure until it has succeeded, before a password is compared:

- under the account and the network together, so that one place makes few guesses at one person;
- under the network, whoever is guessed at, so that lists of stolen passwords are tried slowly;
- under the account, wherever from, ten times as many: guessing from many places has an end, too.

A success is taken back everywhere, so only failures keep anybody out, and for no longer than one window. Who fails on
purpose in another's name keeps that person out of their own network alone, unless they command ten networks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from chalicelib.domain.account import Account
from chalicelib.domain.rate import Rate
from chalicelib.domain.session import RefreshToken, Session, new_session_id
from chalicelib.domain.user import email_key
from chalicelib.errors import DatabaseUnavailable, Unauthenticated
from chalicelib.services.authenticate_client import AccessToken, TokenIssuer
from chalicelib.services.ports import Clock

NETWORKS_PER_ACCOUNT = 10


@dataclass(frozen=True, slots=True)
class LogIn:
    """An attempt: `network` is what counts as one place: an IPv4 address, or the /48 of an IPv6 one."""

    email: str
    password: str = field(repr=False)
    network: str = ""


@dataclass(frozen=True, slots=True)
class LoginRates:
    """How often a login may fail: at one account from one network, and from one network at any account."""

    per_account: Rate
    per_network: Rate

    def of(self, account: str, network: str) -> Mapping[str, Rate]:
        """What one attempt counts under."""
        anywhere = Rate(self.per_account.amount * NETWORKS_PER_ACCOUNT, self.per_account.window_s)
        return {
            f"account {account} from {network}": self.per_account,
            f"account {account}": anywhere,
            f"from {network}": self.per_network,
        }


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """What a session's holder is given; neither shows in a repr."""

    access: AccessToken
    refresh: RefreshToken


class Accounts(Protocol):
    def find_by_email(self, email_key: str) -> Account | None: ...

    def find(self, user_id: UUID) -> Account | None: ...


class NewSessions(Protocol):
    """Raises: CacheUnavailable."""

    def open(self, session: Session, *, refresh: RefreshToken) -> None: ...

    def end(self, session_id: str, *, user_id: UUID) -> None: ...


class LoginAttempts(Protocol):
    def take(self, rates: Mapping[str, Rate]) -> None:
        """Count an attempt under each name. Raises: TooManyRequests, CacheUnavailable."""
        ...

    def give_back(self, rates: Mapping[str, Rate]) -> None: ...


def log_in(
    command: LogIn,
    *,
    accounts: Accounts,
    sessions: NewSessions,
    attempts: LoginAttempts,
    rates: LoginRates,
    is_password: Callable[[str, str | None], bool],
    tokens: TokenIssuer,
    clock: Clock,
) -> SessionTokens:
    """The tokens of a new session.

    Whether the address is unknown, has no password or another one is told neither by the answer nor by its time.

    Raises:
        Unauthenticated: these are not the credentials of anybody.
        TooManyRequests: too many attempts failed; no password was compared.
        CacheUnavailable: no session can be begun.
        DatabaseUnavailable: nobody can be checked; the attempt does not count.
    """
    counted = rates.of(email_key(command.email), command.network)
    attempts.take(counted)
    try:
        known = accounts.find_by_email(email_key(command.email))
    except DatabaseUnavailable:
        attempts.give_back(counted)
        raise
    is_right = is_password(command.password, known.password_hash if known else None)
    if known is None or not is_right:
        raise _wrong_credentials()
    attempts.give_back(counted)
    return _begin(known, accounts=accounts, sessions=sessions, tokens=tokens, clock=clock)


def _begin(
    known: Account, *, accounts: Accounts, sessions: NewSessions, tokens: TokenIssuer, clock: Clock
) -> SessionTokens:
    """Open the session, and look again: whoever changed the password meanwhile ended all sessions but this one."""
    session = Session(id=new_session_id(), user_id=known.user_id, credential=known.credential)
    refresh = RefreshToken.of(session.id)
    sessions.open(session, refresh=refresh)
    account = accounts.find(known.user_id)
    if account is None or account.credential != session.credential:
        sessions.end(session.id, user_id=session.user_id)
        raise _wrong_credentials()
    access = AccessToken(tokens.issue(account.principal(session.id), at=clock()), tokens.lifetime_s)
    return SessionTokens(access=access, refresh=refresh)


def _wrong_credentials() -> Unauthenticated:
    return Unauthenticated("The e-mail address or the password is wrong.", code="invalid_credentials")
