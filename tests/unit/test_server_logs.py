"""The servers' log groups, which AWS makes, keep their lines as long as the stage says and not for ever."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from infra.platform.server_logs import retain_server_logs
from infra.target import AwsClient
from tests.rehearsed_aws import rehearsed_client

BROKER = "arn:aws:mq:eu-central-1:123456789012:broker:carillon-dev:b-1234"
OURS = (
    "/aws/amazonmq/broker/b-1234/general",
    "/aws/rds/instance/carillon-dev/postgresql",
    "/aws/rds/proxy/carillon-dev",
)
OTHERS = (
    "/aws/amazonmq/broker/b-12345/general",
    "/aws/rds/instance/carillon-dev2/postgresql",
    "/aws/rds/proxy/carillon-dev2",
)


@pytest.fixture
def logs() -> Iterator[AwsClient]:
    with mock_aws():
        yield rehearsed_client("logs")


def retain(logs: AwsClient) -> int:
    return retain_server_logs(logs=logs, stage="dev", broker_arn=BROKER, retention_days=14)


def test_every_group_of_the_stages_servers_gets_its_retention_and_no_other_one(logs: AwsClient) -> None:
    for name in (*OURS, *OTHERS):
        logs.create_log_group(logGroupName=name)
    assert [retain(logs), retain(logs)] == [3, 3]
    kept = {group["logGroupName"]: group.get("retentionInDays") for group in logs.describe_log_groups()["logGroups"]}
    assert kept == {**dict.fromkeys(OURS, 14), **dict.fromkeys(OTHERS)}


def test_what_has_not_logged_yet_is_no_error(logs: AwsClient) -> None:
    assert retain(logs) == 0
