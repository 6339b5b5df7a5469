"""The OAuth 2 token exchange of a service account (RFC 7523, the JWT bearer grant), as far as a double can check it.

The assertion's shape and times are checked; its signature is not, for the double knows no public key.
"""

import base64
import binascii
import json
import secrets
from collections.abc import Callable, Mapping

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_LIFE_S = 3600
CLOCK_SKEW_S = 60


class AssertionRefused(Exception):
    """The exchange is refused. `error` is OAuth's code (RFC 6749 section 5.2)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


class AccessTokens:
    """Issues access tokens and knows them again until they expire. `clock_s` is the Unix time."""

    def __init__(self, *, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._expiry_s: dict[str, float] = {}

    def exchange(self, form: Mapping[str, object]) -> str:
        """A new access token for a well-formed assertion. Raises: AssertionRefused."""
        if form.get("grant_type") != GRANT_TYPE:
            raise AssertionRefused("unsupported_grant_type", f"grant_type is {GRANT_TYPE}")
        self._check_claims(_claims(str(form.get("assertion", ""))))
        now_s = self._clock_s()
        self._expiry_s = {token: expiry_s for token, expiry_s in self._expiry_s.items() if expiry_s > now_s}
        token = f"ya29.{secrets.token_urlsafe(32)}"
        self._expiry_s[token] = now_s + TOKEN_LIFE_S
        return token

    def accepts(self, authorization: str | None) -> bool:
        """Whether an Authorization header carries a token issued here that has not expired."""
        scheme, _, token = (authorization or "").partition(" ")
        return scheme.lower() == "bearer" and self._expiry_s.get(token.strip(), 0.0) > self._clock_s()

    def _check_claims(self, claims: Mapping[str, object]) -> None:
        for name in ("iss", "aud", "scope"):
            if not isinstance(claims.get(name), str) or not claims[name]:
                raise AssertionRefused("invalid_grant", f"the assertion has no {name}")
        issued_s, expiry_s = claims.get("iat"), claims.get("exp")
        if not isinstance(expiry_s, int | float) or expiry_s <= self._clock_s() - CLOCK_SKEW_S:
            raise AssertionRefused("invalid_grant", "the assertion has expired")
        if not isinstance(issued_s, int | float) or issued_s > self._clock_s() + CLOCK_SKEW_S:
            raise AssertionRefused("invalid_grant", "the assertion is of the future")


def _claims(assertion: str) -> Mapping[str, object]:
    segments = assertion.split(".")
    if len(segments) != 3 or not segments[2]:
        raise AssertionRefused("invalid_grant", "the assertion is not a signed JWT")
    if _decoded(segments[0]).get("alg") != "RS256":
        raise AssertionRefused("invalid_grant", "the assertion is signed with RS256")
    return _decoded(segments[1])


def _decoded(segment: str) -> Mapping[str, object]:
    try:
        content = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (binascii.Error, ValueError) as error:
        raise AssertionRefused("invalid_grant", "the assertion is not a JWT") from error
    if not isinstance(content, dict):
        raise AssertionRefused("invalid_grant", "the assertion is not a JWT")
    return content
