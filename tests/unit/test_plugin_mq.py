"""What a mapping of RabbitMQ is made of, and what Lambda refuses."""

from typing import Any

import pytest

from carillon_localstack.mq_credentials import broker_url
from carillon_localstack.mq_request import InvalidMapping, MappingSettings, check_mapping, check_timeout
from offline.emulator.errors import SourceUnusable

SECRET = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:broker-AbCdEf"

CONFIG: dict[str, Any] = {
    "UUID": "id",
    "FunctionArn": "arn:aws:lambda:eu-central-1:000000000000:function:f",
    "EventSourceArn": "arn:aws:mq:eu-central-1:000000000000:broker:b:b-1",
    "Queues": ["queue"],
    "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": SECRET}],
}


def test_a_mapping_has_lambdas_defaults() -> None:
    settings = MappingSettings.parse(CONFIG)
    assert (settings.batch_size, settings.window_s, settings.virtual_host) == (100, 0.5, "/")


def test_a_window_of_zero_is_not_the_default() -> None:
    assert MappingSettings.parse({**CONFIG, "MaximumBatchingWindowInSeconds": 0}).window_s == 0


@pytest.mark.parametrize("more", [{"BatchSize": 1}, {"BatchSize": 10_000}, {"MaximumBatchingWindowInSeconds": 300}])
def test_the_limits_themselves_are_allowed(more: dict[str, Any]) -> None:
    check_mapping({**CONFIG, **more})


@pytest.mark.parametrize(
    "wrong",
    [
        {"Queues": None},
        {"Queues": []},
        {"Queues": ["one", "two"]},
        {"Queues": [""]},
        {"SourceAccessConfigurations": None},
        {"SourceAccessConfigurations": [{"Type": "VIRTUAL_HOST", "URI": "/"}]},
        {"SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "guest:guest"}]},
        {
            "SourceAccessConfigurations": [
                {"Type": "BASIC_AUTH", "URI": SECRET},
                {"Type": "VPC_SUBNET", "URI": "subnet"},
            ]
        },
        {"BatchSize": 0},
        {"BatchSize": 10_001},
        {"MaximumBatchingWindowInSeconds": 301},
        {"FilterCriteria": {"Filters": [{"Pattern": "no JSON"}]}},
        {"MaximumRetryAttempts": 3},
        {"FunctionResponseTypes": ["ReportBatchItemFailures"]},
    ],
)
def test_what_lambda_refuses_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidMapping):
        check_mapping({**CONFIG, **wrong})


def test_a_mapped_function_has_at_most_fourteen_minutes() -> None:
    check_timeout(840)
    with pytest.raises(InvalidMapping):
        check_timeout(841)


def test_credentials_are_the_secrets_and_the_place_is_the_settings() -> None:
    url = broker_url(address="amqps://broker:5671", secret='{"username": "a b", "password": "p/w@"}')
    assert url == "amqps://a%20b:p%2Fw%40@broker:5671"


@pytest.mark.parametrize("secret", ["", "[]", "text", '{"username": "a"}', '{"username": 1, "password": "p"}'])
def test_a_secret_of_another_form_is_a_configuration_error(secret: str) -> None:
    with pytest.raises(SourceUnusable, match="ESM_CONFIG_NOT_VALID"):
        broker_url(address="amqp://broker:5672", secret=secret)


def test_a_missing_address_is_told_by_its_setting() -> None:
    with pytest.raises(SourceUnusable, match="CARILLON_RABBITMQ_URL"):
        broker_url(address=None, secret='{"username": "a", "password": "p"}')
