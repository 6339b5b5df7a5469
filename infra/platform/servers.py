"""The servers that a stage runs on, made by CloudFormation: one stack for each idea, in the order of who needs whom."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from infra.errors import StepFailed
from infra.eventually import Patience
from infra.functions import APP
from infra.platform.database_protection import demand_unprotected
from infra.platform.emptying import empty_bucket
from infra.platform.entrusted import demand_filled, ensure_signing_key
from infra.platform.lasting import demand_lasting
from infra.platform.plain_settings import plain_settings
from infra.platform.stacks import AN_HOUR, Stack
from infra.platform.template import filled, read_template
from infra.platform.trust import demand_known_authority
from infra.target import Platform, Target
from infra.watch.metrics import SERVICE_VARIABLE, service_of

Say = Callable[[str], None]

STATE, ENTRUSTED = "state", "entrusted"
PARTS = (STATE, ENTRUSTED, "network", "outbound", "database", "broker", "cache")
PROFILES = Path(__file__).parents[1] / "profiles"
VIRTUAL_HOST = "/"

SECRETS = {
    "DATABASE_URL": "DatabaseUrlArn",
    "USERS_READ_URL": "UsersReadUrlArn",
    "TEMPLATES_READ_URL": "TemplatesReadUrlArn",
    "NOTIFICATIONS_READ_URL": "NotificationsReadUrlArn",
    "REDIS_URL": "RedisUrlArn",
    "RABBITMQ_URL": "RabbitmqUrlArn",
    "EMAIL_PROVIDERS": "EmailProvidersArn",
    "FCM_CREDENTIALS": "FcmCredentialsArn",
    "JWT_PRIVATE_KEYS": "JwtPrivateKeysArn",
}
"""Which output is the ARN of which setting. Those of the replicas are missing where there is none."""


def ensure_platform(
    target: Target, *, profile: str, given: Mapping[str, str], say: Say, patience: Patience = AN_HOUR
) -> Platform:
    """Create the servers or bring them to what the templates say, and return what the functions need of them.

    May be run again at any time; what is as it should be is not touched. `profile` names a file of sizes, `given` holds
    settings of the functions by name, of which those that are no settings are passed over.

    Raises:
        StepFailed: a stack could not be made, a person must give a value first, which is then named, or these sizes
            would replace a server that is in use.
    """
    plain = plain_settings(given, stage=target.stage, made_by_us=SECRETS)
    sizes = read_profile(profile)
    demand_known_authority(target.region, replicas=int(sizes["ReadReplicas"]))
    demand_lasting(_stacks(target, say, patience), sizes, profile=profile)
    values = {**sizes, "Stage": target.stage}
    for part, stack in _stacks(target, say, patience):
        body = read_template(part)
        values |= stack.ensure(body, filled(body, values))
        if part == ENTRUSTED:
            _ask_for_secrets(target)
    return _platform(values, plain)


def delete_platform(target: Target, *, say: Say, patience: Patience = AN_HOUR) -> None:
    """Delete all of it, the data too: the last state of PostgreSQL stays as a snapshot. May be run again.

    Raises:
        StepFailed: PostgreSQL is protected, or a stack could not be deleted, and why.
    """
    demand_unprotected(target.client("rds"), stage=target.stage, region=target.region)
    for part, stack in reversed(list(_stacks(target, say, patience))):
        if part == STATE:
            empty_bucket(target.client("s3"), stack.outputs().get("StateBucket"))
        stack.delete()
        say(f"{stack.name}: gone")


def state_bucket_of(target: Target) -> str | None:
    """The bucket that keeps what the next deploy must know; None when the stage has no platform."""
    return next(
        (stack.outputs().get("StateBucket") for part, stack in _stacks(target, print, AN_HOUR) if part == STATE), None
    )


def read_profile(name: str) -> dict[str, str]:
    """Return the sizes of a profile, by the name of the template's parameter.

    Raises:
        StepFailed: there is none of that name.
    """
    known = {path.stem: path for path in sorted(PROFILES.glob("*.json"))}
    if name not in known:
        raise StepFailed(f"{name!r} is not a profile.", remedy=f"Name one of these with PROFILE=…: {', '.join(known)}.")
    sizes: dict[str, str] = json.loads(known[name].read_text())
    return sizes


def _stacks(target: Target, say: Say, patience: Patience) -> Iterator[tuple[str, Stack]]:
    cloudformation = target.client("cloudformation")
    for part in PARTS:
        yield part, Stack(f"{APP}-{target.stage}-{part}", cloudformation=cloudformation, say=say, patience=patience)


def _ask_for_secrets(target: Target) -> None:
    secretsmanager = target.client("secretsmanager")
    ensure_signing_key(secretsmanager, stage=target.stage)
    demand_filled(secretsmanager, stage=target.stage, region=target.region)


def _platform(values: Mapping[str, str], plain: Mapping[str, str]) -> Platform:
    secrets = {setting: values[output] for setting, output in SECRETS.items() if output in values}
    return Platform(
        settings={**plain, **secrets, SERVICE_VARIABLE: service_of(values["Stage"])},
        broker_arn=values["BrokerArn"],
        broker_secret_arn=values["BrokerLoginArn"],
        virtual_host=VIRTUAL_HOST,
        state_bucket=values["StateBucket"],
        subnet_ids=tuple(values["PrivateSubnets"].split(",")),
        security_group_ids=(values["FunctionsGroup"],),
    )
