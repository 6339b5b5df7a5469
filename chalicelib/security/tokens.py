"""Access tokens: JWT (RFC 7519) signed with Ed25519 (RFC 8037), valid for 15 minutes.

A token with the claim `sid` is a person's, in that session, and its subject is their id; one without is an API
client's. What a token says is not all: `verifier.py` asks whether the session goes on, or the client was revoked.

Every key verifies and the first one signs, so a key is rotated by putting a new one first and removing the old one
after 15 minutes. The algorithm is pinned: what a token's header says about it is not believed.
"""

import functools
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import jwt
from jwt.types import Options

from chalicelib.domain.principal import Principal, Scope
from chalicelib.errors import Unauthenticated
from chalicelib.security.keys import KeyRing

ALGORITHM = "EdDSA"
LIFETIME_S = 900
CLOCK_SKEW_S = 5
MAX_TOKEN_LENGTH = 4096
MOST_REMEMBERED = 512
REQUIRED_CLAIMS = ("iss", "aud", "exp", "iat", "jti", "sub", "scope")

Claims = dict[str, Any]  # what a token says is of any JSON type until it is checked


@dataclass(frozen=True, slots=True)
class _Verified:
    """What a token said whose signature and claims hold, whatever the time."""

    principal: Principal
    issued_at_s: int
    expires_at_s: int

    def require_valid(self, *, at_s: float) -> None:
        if self.issued_at_s > at_s + CLOCK_SKEW_S:
            raise _refused("The access token is not valid yet.")
        if self.expires_at_s <= at_s:
            raise _refused("The access token has expired.")


class AccessTokens:
    """Issues and verifies. Stateless: what a token says holds until it expires."""

    lifetime_s = LIFETIME_S

    def __init__(self, *, keys: KeyRing, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._remembered = functools.lru_cache(maxsize=MOST_REMEMBERED)(self._verified)

    def issue(self, principal: Principal, *, at: datetime) -> str:
        """A token that says who this is and what they may do from `at` on, for `lifetime_s`."""
        issued_at_s = int(at.timestamp())
        claims: Claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": principal.subject,
            "scope": " ".join(sorted(principal.scopes)),
            "iat": issued_at_s,
            "exp": issued_at_s + self.lifetime_s,
            "jti": secrets.token_urlsafe(16),
        }
        if principal.session_id is not None:
            claims["sid"] = principal.session_id
        headers = {"kid": self._keys.signing_kid}
        return jwt.encode(claims, self._keys.signing_key, algorithm=ALGORITHM, headers=headers)

    def verify(self, token: str, *, at: datetime) -> Principal:
        """Who the token speaks for.

        Raises:
            Unauthenticated: it is not one of ours, was changed, or is not valid at `at`.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise _refused("The access token is malformed.")
        verified = self._remembered(token)
        verified.require_valid(at_s=at.timestamp())
        return verified.principal

    def _verified(self, token: str) -> _Verified:
        """All that does not depend on the time: a token that held once needs no second look at its signature."""
        try:
            claims = self._decode(token)
        except jwt.PyJWTError:
            raise _refused("The access token does not hold.") from None
        issued_at_s, expires_at_s = claims["iat"], claims["exp"]
        if type(issued_at_s) is not int or type(expires_at_s) is not int:
            raise _refused("The access token does not hold.")
        return _Verified(_principal(claims), issued_at_s=issued_at_s, expires_at_s=expires_at_s)

    def _decode(self, token: str) -> Claims:
        key = self._keys.verifying.get(jwt.get_unverified_header(token).get("kid", ""))
        if key is None:
            raise jwt.InvalidKeyError("unknown kid")
        # the times are checked against the caller's clock, with the lifetime, in _Verified
        options: Options = {
            "require": list(REQUIRED_CLAIMS),
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
        }
        return jwt.decode(
            token, key, algorithms=[ALGORITHM], issuer=self._issuer, audience=self._audience, options=options
        )


def _refused(detail: str) -> Unauthenticated:
    return Unauthenticated(detail, code="invalid_token")


def _principal(claims: Claims) -> Principal:
    subject, scope, session_id = claims["sub"], claims["scope"], claims.get("sid")
    if not isinstance(subject, str) or not subject or not isinstance(scope, str):
        raise _refused("The access token does not hold.")
    if "sid" in claims and not (isinstance(session_id, str) and session_id and _is_id(subject)):
        raise _refused("The access token does not hold.")
    try:
        scopes = frozenset(Scope(word) for word in scope.split())
    except ValueError:
        raise _refused("The access token names a scope that does not exist.") from None
    return Principal(subject=subject, scopes=scopes, session_id=session_id)


def _is_id(subject: str) -> bool:
    """Whether this is a person's id, in the one spelling that we give it."""
    try:
        return str(UUID(subject)) == subject
    except ValueError:
        return False
