"""What stands in for the platform of AWS on a machine with a LocalStack: secrets, the broker, the state bucket."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from infra.target import Target
from offline.cloud.emulation import localstack, target_at
from offline.cloud.install import Installation
from offline.cloud.platform import SECRETS, SECRETS_VERSION, local_platform
from offline.stack.parts import Part

SETTINGS = {
    "DATABASE_URL": "postgresql://carillon:sesame@127.0.0.1:1/carillon",
    "REDIS_URL": "redis://:sesame@127.0.0.1:2/0",
    "RABBITMQ_URL": "amqp://carillon:ses%3Fame@127.0.0.1:3/%2F",
    "EMAIL_PROVIDERS": "smtp://sesame@127.0.0.1:4?tls=none",
    "FCM_CREDENTIALS": '{"private_key": "sesame"}',
    "JWT_PRIVATE_KEYS": '{"one": "sesame"}',
    "EMAIL_FROM": "Carillon <no-reply@carillon.test>",
    "AWS_REGION": "mars-north-1",
}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


@pytest.fixture
def target() -> Iterator[Target]:
    with mock_aws():
        yield Target(stage="local", environment=ENVIRONMENT)


def stored(target: Target, arn: str) -> str:
    return str(target.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


def test_no_function_has_a_secret_in_its_configuration(target: Target) -> None:
    settings = local_platform(target, SETTINGS).settings
    assert "sesame" not in " ".join(settings.values())
    secret = {name: stored(target, settings[name]) for name in SETTINGS if name in SECRETS}
    assert secret == {name: value for name, value in SETTINGS.items() if name in SECRETS}


def test_what_is_no_secret_reaches_the_functions_as_it_is_and_nobodys_aws_does(target: Target) -> None:
    settings = local_platform(target, SETTINGS).settings
    assert settings["EMAIL_FROM"] == SETTINGS["EMAIL_FROM"]
    assert not [name for name in settings if name.startswith("AWS_")]


def test_the_broker_is_entered_with_the_login_of_its_url(target: Target) -> None:
    platform = local_platform(target, SETTINGS)
    assert json.loads(stored(target, platform.broker_secret_arn)) == {"username": "carillon", "password": "ses?ame"}
    assert platform.virtual_host == "/"


def test_a_platform_of_the_same_settings_is_the_same(target: Target) -> None:
    assert local_platform(target, SETTINGS) == local_platform(target, SETTINGS)


def test_a_changed_secret_keeps_its_name_and_changes_the_functions_configuration(target: Target) -> None:
    before = local_platform(target, SETTINGS).settings
    after = local_platform(target, {**SETTINGS, "EMAIL_PROVIDERS": "smtp://127.0.0.1:5?tls=none"}).settings
    assert {name for name in after if after[name] != before[name]} == {SECRETS_VERSION}
    assert stored(target, after["EMAIL_PROVIDERS"]) == "smtp://127.0.0.1:5?tls=none"


def emulation(environment: dict[str, str]) -> Part:
    return localstack(
        Installation(
            python=Path("/venv/bin/python"), plugin=Path("/plugin"), runtime_python=Path("/runtime/bin/python")
        ),
        port=4566,
        folder=Path("/stack/localstack"),
        broker_url=SETTINGS["RABBITMQ_URL"],
        environment=environment,
    )


def test_localstack_knows_neither_the_callers_aws_nor_the_brokers_password() -> None:
    theirs = {"AWS_PROFILE": "production", "AWS_ACCESS_KEY_ID": "real", "LOCALSTACK_AUTH_TOKEN": "t", "PATH": "/bin"}
    told = emulation(theirs).command.environment
    assert {"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "LOCALSTACK_AUTH_TOKEN"}.isdisjoint(told)
    assert "ses" not in told["CARILLON_RABBITMQ_URL"]
    assert told["GATEWAY_LISTEN"] == "127.0.0.1:4566"


def test_another_shell_is_no_reason_to_start_localstack_anew() -> None:
    assert emulation({"PATH": "/bin"}).fingerprint == emulation({"PATH": "/usr/bin"}).fingerprint


def test_what_is_deployed_here_can_reach_no_cloud() -> None:
    environment = target_at(4566).environment
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
    assert environment["AWS_CONFIG_FILE"] == environment["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
