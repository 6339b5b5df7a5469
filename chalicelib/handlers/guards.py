"""What stands before every view: whose token it is, and how much of their rate is left."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import chalice.app

from chalicelib.domain.principal import Principal
from chalicelib.domain.rate import Standing
from chalicelib.errors import TooManyRequests, Unauthenticated
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


def guards() -> Guards:
    """The guards of this installation."""
    return Guards(
        verifier=auth.access_tokens(),
        limiter=edge.limiter(),
        allowed_origins=edge.allowed_origins(),
        trusted_proxy_hops=edge.trusted_proxy_hops(),
    )


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

        Raises:
            TooManyRequests: the rate is used up. An exhausted address never stands in a verified client's way.
            Unauthenticated: the route needs a token, and there is none that holds.
        """
        self.source_ip = guards.source_ip(raw)
        refusal: Unauthenticated | None = None
        if access.needs_token:
            try:
                self.caller = guards.identify(raw)
            except Unauthenticated as error:
                refusal = error
        if limited:
            self.standing = guards.limiter.count(self.caller, source_ip=self.source_ip)
            if self.standing.exceeded:
                raise TooManyRequests("Too many requests.", retry_after_s=self.standing.reset_s)
        if refusal is not None:
            raise refusal


def source_ip_of(headers: Mapping[str, str], context: Mapping[str, object], *, trusted_hops: int) -> str:
    """The caller's address: the gateway's own word, or, behind proxies of ours, what the outermost of them was told.

    X-Forwarded-For is written from left to right, and the gateway adds its peer at the end: what stands further left
    than the trusted hops is whatever the caller wrote.
    """
    identity = context.get("identity")
    peer = str(identity.get("sourceIp", "")) if isinstance(identity, Mapping) else ""
    if trusted_hops == 0:
        return peer
    hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    return hops[-1 - trusted_hops] if len(hops) > trusted_hops else peer
