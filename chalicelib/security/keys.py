"""The signing keys, as the setting JWT_PRIVATE_KEYS holds them."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from chalicelib.errors import InvalidSettings


@dataclass(frozen=True, slots=True, repr=False)
class KeyRing:
    """The keys in use, parsed once. The first signs."""

    signing_kid: str
    signing_key: Ed25519PrivateKey
    verifying: Mapping[str, Ed25519PublicKey]

    @property
    def public_keys(self) -> Mapping[str, str]:
        """Every key that verifies, by its id, as RFC 8037 §2 writes its `x`."""
        return {kid: _x_of(key) for kid, key in self.verifying.items()}

    @classmethod
    def parse(cls, keys_json: str) -> "KeyRing":
        """Read a JSON object of key id → private key in PEM.

        Raises:
            InvalidSettings: it is something else, or a key is not of Ed25519.
        """
        try:
            private = {kid: _private_key(pem) for kid, pem in json.loads(keys_json).items()}
            signing_kid = next(iter(private))
        except (ValueError, TypeError, AttributeError, StopIteration, UnsupportedAlgorithm):
            raise InvalidSettings("JWT_PRIVATE_KEYS: must be a JSON object of key id to Ed25519 key in PEM") from None
        verifying = {kid: key.public_key() for kid, key in private.items()}
        return cls(signing_kid=signing_kid, signing_key=private[signing_kid], verifying=verifying)


def _private_key(pem: str) -> Ed25519PrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("not an Ed25519 key")
    return key


def _x_of(key: Ed25519PublicKey) -> str:
    return base64.urlsafe_b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode().rstrip("=")
