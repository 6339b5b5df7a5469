"""What stands before every view: whose token it is, and how much of their rate is left."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Protocol
from uuid import UUID

import chalice.app

from chalicelib.domain.principal import Principal
from chalicelib.domain.rate import Standing
from chalicelib.errors import CarillonError, DependencyUnavailable, TooManyRequests, Unauthenticated
from chalicelib.handlers.access import Access
from chalicelib.wiring import auth, edge


class Verifier(Protocol):
    """Tells who a bearer token speaks for, at this moment.

    Raises: Unauthenticated; CacheUnavailable or DatabaseUnavailable when a session or a client cannot be checked.
    """

    def verify(self, token: str, *, at: datetime) -> Principal: ...


class Limiter(Protocol):
    """Counts one more request of a caller. Never raises: without Redis it counts in this process alone."""

    def count(self, caller: Principal | None, *, source_ip: str) -> Standing: ...


@dataclass(frozen=True, slots=True)
class Guards:
    """The guards of all routes. `trusted_proxy_hops` is how many proxies of ours stand before the gateway."""

    verifier: Verifier
    limiter: Limiter
    allowed_origins: frozenset[str] = frozenset()
    trusted_proxy_hops: int = 0

    def identify(self, raw: chalice.app.Request) -> Principal:
        """Whom the Authorization header speaks for. Raises: Unauthenticated, DependencyUnavailable."""
        scheme, _, token = raw.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("This needs an access token: Authorization: Bearer …")
        return self.verifier.verify(token.strip(), at=datetime.now(UTC))

    def source_ip(self, raw: chalice.app.Request) -> str:
        """The address that the request came from, as far as our own proxies vouch for it."""
        return source_ip_of(raw.headers, raw.context, trusted_hops=self.trusted_proxy_hops)


_stand_ins: list[Guards] = []


def guards() -> Guards:
    """The guards of this installation, or those that stand in for them."""
    if _stand_ins:
        return _stand_ins[-1]
    return Guards(
        verifier=auth.verifier(),
        limiter=edge.limiter(),
        allowed_origins=edge.allowed_origins(),
        trusted_proxy_hops=edge.trusted_proxy_hops(),
    )


@contextmanager
def standing_in(others: Guards) -> Iterator[None]:
    """Let other guards stand before every route within the block: the application can be tried without servers."""
    _stand_ins.append(others)
    try:
        yield
    finally:
        _stand_ins.remove(others)


@dataclass(slots=True)
class Admission:
    """One request on its way in. What was found out stays, also when it is refused."""

    caller: Principal | None = None
    standing: Standing | None = None
    source_ip: str = ""

    def only_own(self, access: Access) -> UUID | None:
        """The person to whose own things the view must keep; None when the caller has the route's scope."""
        if self.caller is None or access.scope is None or self.caller.may(access.scope):
            return None
        return self.caller.user_id

    def admit(self, raw: chalice.app.Request, *, access: Access, guards: Guards, limited: bool) -> None:
        """Verify the token, then count: a verified client against its own rate, anybody else against their address.

        A token that a public route was given anyway is looked at for the counting alone: a client whose address is
        exhausted can still renew its token.

        Raises:
            TooManyRequests: the rate is used up. An exhausted address never stands in a verified client's way.
            Unauthenticated: the route needs a token, and there is none that holds.
            DependencyUnavailable: whether the token holds cannot be told now.
        """
        self.source_ip = guards.source_ip(raw)
        verified, refusal = _verify(raw, guards) if access.needs_token or limited else (None, None)
        if access.needs_token:
            self.caller = verified
        if limited:
            self.standing = guards.limiter.count(verified, source_ip=self.source_ip)
            if self.standing.exceeded:
                raise TooManyRequests("Too many requests.", retry_after_s=self.standing.reset_s)
        if access.needs_token and refusal is not None:
            raise refusal


def _verify(raw: chalice.app.Request, guards: Guards) -> tuple[Principal | None, CarillonError | None]:
    """Whom the request's token speaks for, or why that is nobody: a refused request is counted, too."""
    try:
        return guards.identify(raw), None
    except (Unauthenticated, DependencyUnavailable) as error:
        return None, error


def source_ip_of(headers: Mapping[str, str], context: Mapping[str, object], *, trusted_hops: int) -> str:
    """The caller's address: the gateway's own word, or, behind proxies of ours, what the outermost of them was told.

    X-Forwarded-For is written from left to right: each proxy adds the peer that spoke to it, the gateway last. With N
    proxies of ours the last N entries are theirs, the one before them is what the outermost saw, and what stands
    further left is whatever the caller wrote. An entry that is no address, and a list that is too short, were not
    written by them: then the gateway's peer counts.
    """
    identity = context.get("identity")
    peer = str(identity.get("sourceIp") or "") if isinstance(identity, Mapping) else ""
    if trusted_hops == 0:
        return peer
    hops = headers.get("x-forwarded-for", "").split(",")
    if len(hops) <= trusted_hops:
        return peer
    try:
        return str(ip_address(hops[-1 - trusted_hops].strip()))
    except ValueError:
        return peer
