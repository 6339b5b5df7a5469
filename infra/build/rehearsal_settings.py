"""Settings with which a function starts, and comes as far as its first connection: nobody listens."""

import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_NOBODY = "127.0.0.1:1"


def complete_settings() -> dict[str, str]:
    """Every required one, with fresh keys of the right kinds."""
    return {
        "DATABASE_URL": f"postgresql://nobody@{_NOBODY}/nothing",
        "REDIS_URL": f"redis://{_NOBODY}/0",
        "RABBITMQ_URL": f"amqp://{_NOBODY}/",
        "EMAIL_PROVIDERS": f"smtp://{_NOBODY}?tls=none",
        "EMAIL_FROM": "nobody@example.com",
        "FCM_PROJECT_ID": "nothing",
        "FCM_CREDENTIALS": json.dumps(
            {
                "type": "service_account",
                "client_email": "nobody@example.com",
                "token_uri": f"http://{_NOBODY}/token",
                "private_key": _pem(generate_private_key(public_exponent=65537, key_size=2048)),
            }
        ),
        "JWT_PRIVATE_KEYS": json.dumps({"rehearsal": _pem(Ed25519PrivateKey.generate())}),
        "JWT_ISSUER": "nobody",
        "JWT_AUDIENCE": "nobody",
    }


def _pem(key: Ed25519PrivateKey | RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
