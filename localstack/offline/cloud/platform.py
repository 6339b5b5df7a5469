"""What CloudFormation makes in AWS, made of what this machine has: the platform that the functions are deployed on."""

import hashlib
import json
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from infra.target import Platform, Target
from offline.cloud.secrets import StoredSecret, store_secret

SECRETS = (
    *("DATABASE_URL", "REDIS_URL", "RABBITMQ_URL", "EMAIL_PROVIDERS", "FCM_CREDENTIALS", "JWT_PRIVATE_KEYS"),
    *(f"{store}_{use}_URL" for store in ("USERS", "TEMPLATES", "NOTIFICATIONS") for use in ("DATABASE", "READ")),
)
"""The settings whose values nobody may read in a function's configuration."""

SECRETS_VERSION = "SECRETS_VERSION"
"""A variable of the functions that changes with their secrets: a new value is then in use at once, as a new setting is,
and not only when an environment looks again."""

# LocalStack knows no brokers by itself: its mappings take any name of one, and a poller that is told where ours is.
_BROKER = "arn:aws:mq:{region}:000000000000:broker:carillon-local:b-00000000-0000-0000-0000-000000000000"


def local_platform(target: Target, settings: Mapping[str, str]) -> Platform:
    """Return the platform with every secret in its Secrets Manager. Repeating it changes what is another than before.

    `settings` are those of the functions, as values. What they say of AWS is left out: LocalStack tells its functions
    where its AWS is.
    """
    manager = target.client("secretsmanager")
    stored = {
        name: store_secret(manager, f"carillon/{target.stage}/{name}", settings[name])
        for name in SECRETS
        if name in settings
    }
    plain = {name: value for name, value in settings.items() if name not in SECRETS and not name.startswith("AWS_")}
    broker = urlsplit(settings["RABBITMQ_URL"])
    login = json.dumps({"username": unquote(broker.username or ""), "password": unquote(broker.password or "")})
    return Platform(
        settings={**plain, **{name: secret.arn for name, secret in stored.items()}, SECRETS_VERSION: _version(stored)},
        broker_arn=_BROKER.format(region=target.region),
        broker_secret_arn=store_secret(manager, f"carillon/{target.stage}/broker-login", login).arn,
        virtual_host=unquote(broker.path.removeprefix("/")) or "/",
        state_bucket=_state_bucket(target),
    )


def _version(stored: Mapping[str, StoredSecret]) -> str:
    versions = sorted((name, secret.version) for name, secret in stored.items())
    return hashlib.sha256(json.dumps(versions).encode()).hexdigest()[:16]


def _state_bucket(target: Target) -> str:
    name = f"carillon-{target.stage}-state"
    s3 = target.client("s3")
    if name not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": target.region})
    return name
