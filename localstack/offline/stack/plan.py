"""What is decided once for a stack and kept over repairs: its ports, its secrets, its mark."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from chalicelib.domain.identity import new_id
from offline.services.files import write_private
from offline.services.ports import choose, is_free

DEFAULT_PORTS: Mapping[str, int] = {
    "front": 3000,
    "control": 3001,
    "smtp": 1025,
    "mail": 8025,
    "fcm": 8026,
    "localstack": 4566,
}


@dataclass(frozen=True, slots=True)
class StackPlan:
    """Every secret is random; nothing here has a default."""

    mark: str
    ports: Mapping[str, int]
    admin_email: str
    admin_password: str
    client_id: str
    client_secret: str
    signing_key_id: str
    signing_key: str
    service_account_key: str

    def moved(self, uses: tuple[str, ...], *, prefer_defaults: bool) -> "StackPlan":
        """Return the plan with another port for each of these uses whose port somebody else has taken."""
        taken = {use: DEFAULT_PORTS[use] for use in uses if not is_free(self.ports[use])}
        moved = {use: choose(port if prefer_defaults else None) for use, port in taken.items()}
        return replace(self, ports={**self.ports, **moved})


def load_or_make(file: Path, *, prefer_defaults: bool) -> StackPlan:
    """Return the plan of the stack, made and kept on the first call."""
    plan = read_plan(file)
    if plan is None:
        plan = _new(prefer_defaults=prefer_defaults)
        save(file, plan)
    return plan


def read_plan(file: Path) -> StackPlan | None:
    """Return the plan of the stack, None while there is no stack."""
    try:
        return StackPlan(**json.loads(file.read_text()))
    except FileNotFoundError:
        return None


def save(file: Path, plan: StackPlan) -> None:
    """Keep the plan; only its owner can read it."""
    write_private(file, json.dumps(asdict(plan)))


def _new(*, prefer_defaults: bool) -> StackPlan:
    return StackPlan(
        mark=secrets.token_hex(12),
        ports={use: choose(port if prefer_defaults else None) for use, port in DEFAULT_PORTS.items()},
        admin_email="admin@carillon.example",
        admin_password=secrets.token_urlsafe(18),
        client_id=str(new_id(datetime.now(UTC))),
        client_secret=secrets.token_urlsafe(32),
        signing_key_id=f"local-{secrets.token_hex(4)}",
        signing_key=_pem(Ed25519PrivateKey.generate()),
        service_account_key=_pem(generate_private_key(public_exponent=65537, key_size=2048)),
    )


def _pem(key: Ed25519PrivateKey | RSAPrivateKey) -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
