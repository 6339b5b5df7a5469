"""What people log in at, over sessions and accounts in memory that keep the stores' contracts."""

from dataclasses import dataclass, field
from uuid import uuid4

import pytest

from chalicelib.domain.account import Account
from chalicelib.domain.rate import Rate
from chalicelib.errors import Unauthenticated
from chalicelib.services.log_in import Accounts, LogIn, LoginRates, NewSessions, SessionTokens, log_in
from chalicelib.services.refresh_session import refresh_session
from tests.fakes_auth import FakeAccounts, FakeLoginAttempts, FakeSessions, Mint
from tests.fakes_core import ManualClock

ADA = Account(uuid4(), "digest of correct horse")
ROOT = Account(uuid4(), "digest of battery staple", is_admin=True)
NOBODY_MAY = Account(uuid4(), None)
RATES = LoginRates(per_account=Rate(3, 900), per_network=Rate(5, 900))


@dataclass
class Door:
    """Everything that logging in needs, and the passwords that were compared."""

    clock: ManualClock = field(default_factory=ManualClock)
    compared: list[tuple[str, str | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sessions = FakeSessions(self.clock)
        self.attempts = FakeLoginAttempts(self.clock)
        self.accounts = FakeAccounts({"ada@example.com": ADA, "root@example.com": ROOT, "mute@example.com": NOBODY_MAY})

    def is_password(self, password: str, digest: str | None) -> bool:
        self.compared.append((password, digest))
        return digest == f"digest of {password}"

    def log_in(
        self,
        email: str = "ada@example.com",
        password: str = "correct horse",  # noqa: S107  a test's
        network: str = "203.0.113.7",
        *,
        accounts: Accounts | None = None,
        sessions: NewSessions | None = None,
    ) -> SessionTokens:
        return log_in(
            LogIn(email=email, password=password, network=network),
            accounts=accounts or self.accounts,
            sessions=sessions or self.sessions,
            attempts=self.attempts,
            rates=RATES,
            is_password=self.is_password,
            tokens=Mint(),
            clock=self.clock,
        )

    def refresh(self, token: str) -> SessionTokens:
        return refresh_session(token, sessions=self.sessions, accounts=self.accounts, tokens=Mint(), clock=self.clock)

    def fail(self, times: int, **of: str) -> None:
        for _ in range(times):
            with pytest.raises(Unauthenticated):
                self.log_in(**{"password": "wrong", **of})  # type: ignore[arg-type]
