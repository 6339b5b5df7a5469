"""Tokens that must not hold, made of one that does, by somebody who may even have the signing key."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

Claims = Mapping[str, Any]  # what a token says is of any JSON type


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs as the stack does, whatever it is asked to."""

    key_id: str
    key: str

    def sign(self, claims: Claims, *, key: object = None, key_id: str | None = None) -> str:
        stated = {name: value for name, value in claims.items() if value is not None}
        signing = self.key if key is None else key
        return jwt.encode(stated, signing, algorithm="EdDSA", headers={"kid": key_id or self.key_id})  # type: ignore[arg-type]

    def sign_with_the_public_key(self, claims: Claims, *, encoding: Encoding, form: PublicFormat) -> str:
        """HMAC with what everybody can read: it holds for whoever believes the token's own word of its algorithm."""
        public = load_pem_private_key(self.key.encode(), password=None).public_key().public_bytes(encoding, form)
        signed = f"{packed({'alg': 'HS256', 'typ': 'JWT', 'kid': self.key_id})}.{packed(claims)}"
        return f"{signed}.{_base64(hmac.digest(public, signed.encode(), hashlib.sha256))}"


def forge_all(signer: Signer, claims: Claims) -> Mapping[str, str]:
    """What must not hold, by what is wrong with it. All else of each token is as good as in the one it was made of."""
    hour, now = timedelta(hours=1), datetime.now(UTC)
    head, body, signature = signer.sign(claims).split(".")

    def changed(**change: object) -> str:
        return signer.sign({**claims, **change})

    made: Mapping[str, Callable[[], str]] = {
        "garbled": lambda: "garbled",
        "cut short": lambda: f"{head}.{body}",
        "expired": lambda: changed(iat=now - hour, exp=now - timedelta(seconds=1)),
        "not valid yet": lambda: changed(iat=now + hour, exp=now + 2 * hour),
        "without an end": lambda: changed(exp=None),
        "for another audience": lambda: changed(aud="somebody-else"),
        "of another issuer": lambda: changed(iss="somebody-else"),
        "of an unknown key": lambda: signer.sign(claims, key_id="no-such-key"),
        "signed by a stranger": lambda: signer.sign(claims, key=Ed25519PrivateKey.generate()),
        "unsigned": lambda: f"{packed({'alg': 'none', 'typ': 'JWT', 'kid': signer.key_id})}.{body}.",
        "HS256 with the public key": lambda: signer.sign_with_the_public_key(
            claims, encoding=Encoding.Raw, form=PublicFormat.Raw
        ),
        "HS256 with the public key's text": lambda: signer.sign_with_the_public_key(
            claims, encoding=Encoding.PEM, form=PublicFormat.SubjectPublicKeyInfo
        ),
        "changed afterwards": lambda: f"{head}.{packed({**claims, 'scope': 'admin'})}.{signature}",
    }
    return {what: make() for what, make in made.items()}


def claims_of(token: str) -> Claims:
    claims: Claims = jwt.decode(token, options={"verify_signature": False})
    return claims


def packed(part: Claims) -> str:
    return _base64(json.dumps(part, default=str).encode())


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
