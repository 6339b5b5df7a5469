"""Sessions, accounts, failed logins and API clients in memory: they keep the rules that the real stores keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from chalicelib.domain.account import Account
from chalicelib.domain.audit import NewAudit
from chalicelib.domain.client import OVERLAP_S, ApiClient, ClientState, NewClient, RegisteredClient
from chalicelib.domain.principal import Principal
from chalicelib.domain.rate import Rate
from chalicelib.domain.session import RefreshToken, Session
from chalicelib.domain.user import email_key
from chalicelib.errors import CacheUnavailable, DatabaseUnavailable, TooManyRequests
from chalicelib.stores.sessions import IDLE_S
from tests.fakes_core import ManualClock


class Mint:
    """Issues tokens that tell what they are for."""

    lifetime_s = 900

    def issue(self, principal: Principal, *, at: datetime) -> str:
        return f"{principal.name} may {','.join(sorted(principal.scopes))} from {at:%H:%M}"


@dataclass
class FakeSessions:
    """Away while `up` is false."""

    clock: ManualClock
    up: bool = True
    kept: dict[str, tuple[Session, str, datetime]] = field(default_factory=dict)

    def open(self, session: Session, *, refresh: RefreshToken) -> None:
        self._require_up()
        self.kept[session.id] = (session, refresh.digest, self._end_at())

    def find(self, session_id: str) -> Session | None:
        self._require_up()
        session, _, ends_at = self.kept.get(session_id, (None, "", self.clock()))
        return session if ends_at > self.clock() else None

    def rotate(self, session: Session, *, presented: RefreshToken, following: RefreshToken) -> bool:
        if self.find(session.id) is None:
            return False
        if self.kept[session.id][1] != presented.digest:
            del self.kept[session.id]
            return False
        self.kept[session.id] = (session, following.digest, self._end_at())
        return True

    def end(self, session_id: str, *, user_id: UUID) -> None:
        self._require_up()
        self.kept.pop(session_id, None)

    def end_all(self, user_id: UUID) -> None:
        self._require_up()
        self.kept = {name: kept for name, kept in self.kept.items() if kept[0].user_id != user_id}

    def _end_at(self) -> datetime:
        return self.clock() + timedelta(seconds=IDLE_S)

    def _require_up(self) -> None:
        if not self.up:
            raise CacheUnavailable("Redis: away")


@dataclass
class FakeLoginAttempts:
    """Windows that begin with their first attempt."""

    clock: ManualClock
    counts: dict[str, tuple[int, datetime]] = field(default_factory=dict)

    def take(self, rates: Mapping[str, Rate]) -> None:
        for name, rate in rates.items():
            count, ends_at = self._window(name, rate)
            if count >= rate.amount:
                raise TooManyRequests("Too many.", retry_after_s=int((ends_at - self.clock()).total_seconds()))
        for name, rate in rates.items():
            count, ends_at = self._window(name, rate)
            self.counts[name] = (count + 1, ends_at)

    def give_back(self, rates: Mapping[str, Rate]) -> None:
        for name, rate in rates.items():
            count, ends_at = self._window(name, rate)
            self.counts[name] = (max(0, count - 1), ends_at)

    def _window(self, name: str, rate: Rate) -> tuple[int, datetime]:
        fresh = (0, self.clock() + timedelta(seconds=rate.window_s))
        count, ends_at = self.counts.get(name, fresh)
        return (count, ends_at) if ends_at > self.clock() else fresh


@dataclass
class FakeAccounts:
    """People by their addresses. Away while `up` is false."""

    accounts: dict[str, Account] = field(default_factory=dict)
    up: bool = True

    def find_by_email(self, email_key: str) -> Account | None:
        self._require_up()
        return self.accounts.get(email_key)

    def find(self, user_id: UUID) -> Account | None:
        self._require_up()
        return next((account for account in self.accounts.values() if account.user_id == user_id), None)

    def set_password(self, email: str, digest: str) -> None:
        self.accounts[email_key(email)] = replace(self.accounts[email_key(email)], password_hash=digest)

    def _require_up(self) -> None:
        if not self.up:
            raise DatabaseUnavailable("PostgreSQL: away")


@dataclass
class _Kept:
    registered: RegisteredClient
    secret_hash: bytes
    previous: tuple[bytes, datetime] | None = None
    revoked: bool = False


@dataclass
class FakeClientStore:
    """Clients and the audit entries of their changes."""

    clock: ManualClock
    kept: dict[str, _Kept] = field(default_factory=dict)
    audits: list[NewAudit] = field(default_factory=list)

    def insert(self, client: NewClient, *, audit: NewAudit) -> RegisteredClient:
        now = self.clock()
        stored = RegisteredClient(str(client.id), client.id, client.name, client.scopes, client.rate_limit, now, now)
        self.kept[stored.id] = _Kept(stored, client.secret_hash)
        self.audits.append(audit)
        return stored

    def rotate(self, client_id: str, *, secret_hash: bytes, audit: NewAudit) -> RegisteredClient | None:
        kept = self._present(client_id)
        if kept is None:
            return None
        kept.previous = (kept.secret_hash, self.clock() + timedelta(seconds=OVERLAP_S))
        kept.secret_hash = secret_hash
        return self._changed(kept, audit)

    def revoke(self, client_id: str, *, audit: NewAudit) -> RegisteredClient | None:
        kept = self._present(client_id)
        if kept is None:
            return None
        kept.revoked = True
        return self._changed(kept, audit)

    def find(self, client_id: str) -> ApiClient | None:
        kept = self._present(client_id)
        if kept is None:
            return None
        known, previous = kept.registered, kept.previous
        still_good = previous[0] if previous is not None and previous[1] > self.clock() else None
        return ApiClient(known.id, known.name, known.scopes, kept.secret_hash, still_good)

    def find_state(self, client_id: str) -> ClientState | None:
        found = self.find_registered(client_id)
        if found is None:
            return None
        return ClientState(rate=None if found.rate_limit is None else Rate.parse(found.rate_limit))

    def find_registered(self, client_id: str) -> RegisteredClient | None:
        kept = self._present(client_id)
        return None if kept is None else kept.registered

    def newest(self, *, before: UUID | None, limit: int) -> Sequence[RegisteredClient]:
        present = [kept.registered for kept in self.kept.values() if not kept.revoked]
        after = [client for client in present if before is None or client.key < before]
        return sorted(after, key=lambda client: client.key, reverse=True)[:limit]

    def _present(self, client_id: str) -> _Kept | None:
        kept = self.kept.get(client_id)
        return None if kept is None or kept.revoked else kept

    def _changed(self, kept: _Kept, audit: NewAudit) -> RegisteredClient:
        kept.registered = replace(kept.registered, updated_at=self.clock())
        self.audits.append(audit)
        return kept.registered
