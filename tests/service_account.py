"""A service account that no one but the FCM double accepts."""

import functools
import json

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@functools.cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def service_account_json(token_uri: str) -> str:
    """The key file of an account whose access tokens come from `token_uri`."""
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "test",
            "private_key_id": "1",
            "private_key": _private_key(),
            "client_email": "carillon@test.example",
            "token_uri": token_uri,
        }
    )
