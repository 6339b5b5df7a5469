"""The secrets that nobody can generate: whether they are filled, and how to fill them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.errors import StepFailed
from infra.target import AwsClient

ASKED_FOR = ("EMAIL_PROVIDERS", "FCM_CREDENTIALS")
SIGNING_KEYS = "JWT_PRIVATE_KEYS"


def secret_name(stage: str, setting: str) -> str:
    """The name of the secret that holds a setting."""
    return f"carillon/{stage}/{setting}"


def ensure_signing_key(secretsmanager: AwsClient, *, stage: str) -> None:
    """Put a fresh Ed25519 key into the ring unless there is one: whoever holds its tokens stays logged in for good.

    Two that do so at once leave one of two keys; no token was signed with the other, for nothing is deployed yet.
    """
    name = secret_name(stage, SIGNING_KEYS)
    if not is_filled(secretsmanager, name):
        ring = {datetime.now(UTC).strftime("%Y-%m-%d"): _signing_key()}
        secretsmanager.put_secret_value(SecretId=name, SecretString=json.dumps(ring))


def demand_filled(secretsmanager: AwsClient, *, stage: str, region: str) -> None:
    """Return when a person has filled what only a person can.

    Raises:
        StepFailed: naming each secret that is empty, with the command that fills it.
    """
    empty = [name for setting in ASKED_FOR if not is_filled(secretsmanager, name := secret_name(stage, setting))]
    if empty:
        raise StepFailed(f"These secrets are empty: {', '.join(empty)}.", remedy=_how_to_fill(empty, region))


def is_filled(secretsmanager: AwsClient, name: str) -> bool:
    """Whether the secret has a value. What it is stays where it is."""
    try:
        described = secretsmanager.describe_secret(SecretId=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return False
        raise
    return any("AWSCURRENT" in stages for stages in described.get("VersionIdsToStages", {}).values())


def _how_to_fill(names: Sequence[str], region: str) -> str:
    commands = (
        f"  aws secretsmanager put-secret-value --region {region} --secret-id {name} --secret-string file://…"
        for name in names
    )
    return "\n".join(
        (
            "Put each value into a file (EMAIL_PROVIDERS: provider URLs in one line, separated by commas;",
            "FCM_CREDENTIALS: the JSON key of the Firebase service account), run this, delete the files, deploy again:",
            *commands,
        )
    )


def _signing_key() -> str:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
