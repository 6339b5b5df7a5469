"""The environment of a function, complete and in order, for tests that run the application in their own process."""

import json
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chalicelib.wiring.environment import secrets
from chalicelib.wiring.kept import forget

NOBODY_LISTENS = "127.0.0.1:1"


def signing_key() -> str:
    """A fresh Ed25519 key in PEM."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def environment(
    *,
    database_url: str = f"postgresql://carillon@{NOBODY_LISTENS}/carillon",
    redis_url: str = f"redis://{NOBODY_LISTENS}/0",
    rabbitmq_url: str = f"amqp://{NOBODY_LISTENS}/",
) -> Mapping[str, str]:
    """Every required setting. Where no server is given, nobody listens."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "RABBITMQ_URL": rabbitmq_url,
        "EMAIL_PROVIDERS": f"smtp://{NOBODY_LISTENS}?tls=none",
        "EMAIL_FROM": "carillon@example.com",
        "FCM_PROJECT_ID": "rehearsal",
        "FCM_CREDENTIALS": '{"type": "service_account"}',
        "JWT_PRIVATE_KEYS": json.dumps({"first": signing_key()}),
        "JWT_ISSUER": "https://carillon.test",
        "JWT_AUDIENCE": "carillon",
    }


def forget_wiring() -> None:
    """Let everything be built anew from the environment, as in a fresh Lambda environment."""
    forget()
    secrets.cache_clear()
