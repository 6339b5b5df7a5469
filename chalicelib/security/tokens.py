"""Access tokens for API clients: JWT (RFC 7519) signed with Ed25519 (RFC 8037), valid for 15 minutes.

Every key verifies and the first one signs, so a key is rotated by putting a new one first and removing the old one
after 15 minutes. The algorithm is pinned: what a token's header says about it is not believed.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.types import Options

from chalicelib.domain.principal import Principal, Scope
from chalicelib.errors import InvalidSettings, Unauthenticated

ALGORITHM = "EdDSA"
LIFETIME_S = 900
CLOCK_SKEW_S = 5
MAX_TOKEN_LENGTH = 4096
REQUIRED_CLAIMS = ("iss", "aud", "exp", "iat", "jti", "sub", "scope")

Claims = dict[str, Any]  # what a token says is of any JSON type until it is checked


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """The keys in use, parsed once. The first signs."""

    signing_kid: str
    signing_key: Ed25519PrivateKey
    verifying: Mapping[str, Ed25519PublicKey]

    @classmethod
    def parse(cls, keys_json: str) -> "KeyRing":
        """Read a JSON object of key id → private key in PEM.

        Raises:
            InvalidSettings: it is something else, or a key is not of Ed25519.
        """
        try:
            private = {kid: _private_key(pem) for kid, pem in json.loads(keys_json).items()}
            signing_kid = next(iter(private))
        except (ValueError, TypeError, AttributeError, StopIteration):
            raise InvalidSettings("JWT_PRIVATE_KEYS: must be a JSON object of key id to Ed25519 key in PEM") from None
        verifying = {kid: key.public_key() for kid, key in private.items()}
        return cls(signing_kid=signing_kid, signing_key=private[signing_kid], verifying=verifying)


class AccessTokens:
    """Issues and verifies. Stateless: a token is good until it expires."""

    lifetime_s = LIFETIME_S

    def __init__(self, *, keys: KeyRing, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    def issue(self, principal: Principal, *, at: datetime) -> str:
        """A token that says who the client is and what it may do from `at` on, for `lifetime_s`."""
        issued_at_s = int(at.timestamp())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": principal.client_id,
            "scope": " ".join(sorted(principal.scopes)),
            "iat": issued_at_s,
            "exp": issued_at_s + self.lifetime_s,
            "jti": secrets.token_urlsafe(16),
        }
        headers = {"kid": self._keys.signing_kid}
        return jwt.encode(claims, self._keys.signing_key, algorithm=ALGORITHM, headers=headers)

    def verify(self, token: str, *, at: datetime) -> Principal:
        """Who the token speaks for.

        Raises:
            Unauthenticated: it is not one of ours, was changed, is not valid at `at`, or belongs to a session.
        """
        if len(token) > MAX_TOKEN_LENGTH:
            raise _refused("the access token is malformed")
        try:
            claims = self._decode(token)
        except jwt.PyJWTError:
            raise _refused("the access token does not hold") from None
        _check_times(claims, at_s=at.timestamp())
        if "sid" in claims:
            raise _refused("the access token's session cannot be checked")
        return _principal(claims)

    def _decode(self, token: str) -> Claims:
        key = self._keys.verifying.get(jwt.get_unverified_header(token).get("kid", ""))
        if key is None:
            raise jwt.InvalidKeyError("unknown kid")
        # the times are checked against the caller's clock, with the lifetime, in _check_times
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


def _private_key(pem: str) -> Ed25519PrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("not an Ed25519 key")
    return key


def _check_times(claims: Claims, *, at_s: float) -> None:
    issued_at_s, expires_at_s = claims["iat"], claims["exp"]
    if type(issued_at_s) is not int or type(expires_at_s) is not int:
        raise _refused("the access token does not hold")
    if issued_at_s > at_s + CLOCK_SKEW_S:
        raise _refused("the access token is not valid yet")
    if expires_at_s <= at_s:
        raise _refused("the access token has expired")


def _principal(claims: Claims) -> Principal:
    subject, scope = claims["sub"], claims["scope"]
    if not isinstance(subject, str) or not subject or not isinstance(scope, str):
        raise _refused("the access token does not hold")
    try:
        return Principal(client_id=subject, scopes=frozenset(Scope(word) for word in scope.split()))
    except ValueError:
        raise _refused("the access token names a scope that does not exist") from None
