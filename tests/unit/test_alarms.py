"""Alarms and dashboard in CloudWatch: what the lists say, once each, however often they are put there."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from infra.functions import ALL, CONSUMERS
from infra.target import Platform, Target
from infra.watch.alarm_list import Alarm, Watched, alarms_of
from infra.watch.alarms import delete_alarms, ensure_alarms, ensure_recipient
from infra.watch.dashboard import body_of, delete_dashboard, ensure_dashboard, sections
from tests.rehearsed_aws import ENVIRONMENT, RehearsedTarget, rehearsed_client

API_URL = "https://abc123.execute-api.eu-central-1.amazonaws.com/api/"
PLATFORM = Platform(settings={}, broker_arn="arn:b", broker_secret_arn="arn:s", virtual_host="/", state_bucket="kept")
WITH_CANARY = Platform(
    settings={"CANARY_EMAIL": "canary@example.com"},
    broker_arn="arn:b",
    broker_secret_arn="arn:s",
    virtual_host="/",
    state_bucket="kept",
)


@pytest.fixture
def target() -> Iterator[Target]:
    with mock_aws():
        yield RehearsedTarget("dev", ENVIRONMENT)


def named(stage: str = "dev") -> dict[str, Any]:
    pages = (
        rehearsed_client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"carillon-{stage}: ")
    )
    return {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}


def deploy(function: str, *, timeout_s: int) -> None:
    trust = {"Version": "2012-10-17", "Statement": []}
    role = rehearsed_client("iam").create_role(RoleName=f"of-{function}", AssumeRolePolicyDocument=json.dumps(trust))
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as package:
        package.writestr("app.py", "")
    rehearsed_client("lambda").create_function(
        FunctionName=function,
        Runtime="python3.11",
        Role=role["Role"]["Arn"],
        Handler="app.f",
        Code={"ZipFile": code.getvalue()},
        Timeout=timeout_s,
    )


def all_of_them(*, has_canary: bool = True) -> list[Alarm]:
    return alarms_of(Watched("dev", "api", dict.fromkeys(ALL, 60), reserved=45, has_canary=has_canary))


def test_every_alarm_is_there_once_however_often_it_is_ensured(target: Target) -> None:
    count = ensure_alarms(target, PLATFORM, api_url=API_URL)
    once = named()
    ensure_alarms(target, PLATFORM, api_url=API_URL)
    assert len(once) == count == len(named())


def test_an_alarm_that_left_the_list_is_deleted_and_those_of_others_stay(target: Target) -> None:
    ensure_alarms(target, WITH_CANARY, api_url=API_URL)
    ensure_alarms(RehearsedTarget("dev2", ENVIRONMENT), WITH_CANARY, api_url=API_URL)
    before = set(named())
    ensure_alarms(target, PLATFORM, api_url=API_URL)
    assert before - set(named()) == {"carillon-dev: canary"}
    assert "carillon-dev2: canary" in named("dev2")


def test_an_alarm_rings_at_the_topic_of_its_stage_and_says_what_to_do(target: Target) -> None:
    ensure_alarms(target, PLATFORM, api_url=API_URL)
    for alarm in named().values():
        assert [action.rpartition(":")[2] for action in alarm["AlarmActions"]] == ["carillon-dev-alarms"]
        assert alarm["AlarmDescription"]


def test_a_recipient_of_alarms_is_subscribed_once(target: Target) -> None:
    for _ in range(2):
        ensure_recipient(target, "ops@example.com")
    (subscription,) = rehearsed_client("sns").list_subscriptions()["Subscriptions"]
    assert subscription["Endpoint"] == "ops@example.com"
    assert subscription["TopicArn"].endswith(":carillon-dev-alarms")


def test_nobody_consuming_is_an_alarm_of_each_queue() -> None:
    metrics = [metric for alarm in all_of_them() for metric in alarm.metrics]
    watched = {metric.dimensions["queue"] for metric in metrics if metric.name == "queue_consumers"}
    assert watched == set(CONSUMERS.values())


def test_a_function_near_its_own_timeout_rings(target: Target) -> None:
    deploy("carillon-dev-deliver_email", timeout_s=120)
    ensure_alarms(target, PLATFORM, api_url=API_URL)
    assert named()["carillon-dev: duration of deliver_email"]["Threshold"] == 108_000
    assert "carillon-dev: duration of deliver_push" not in named()


def test_more_connections_to_the_broker_than_two_releases_keep_ring(target: Target) -> None:
    for function, reserved in (("carillon-dev-relay", 2), ("carillon-dev-purge", 1)):
        deploy(function, timeout_s=60)
        rehearsed_client("lambda").put_function_concurrency(
            FunctionName=function, ReservedConcurrentExecutions=reserved
        )
    ensure_alarms(target, PLATFORM, api_url=API_URL)
    assert named()["carillon-dev: connections of RabbitMQ"]["Threshold"] == 2 * 3 + len(CONSUMERS)


def test_the_broker_near_its_own_limits_rings_whatever_its_size(target: Target) -> None:
    ensure_alarms(target, PLATFORM, api_url=API_URL)
    rings = {name: named()[f"carillon-dev: {name} of RabbitMQ"] for name in ("memory", "disk")}
    assert {name: reckoned(alarm) for name, alarm in rings.items()} == {
        "memory": ("part / whole", ["RabbitMQMemUsed", "RabbitMQMemLimit"]),
        "disk": ("part / whole", ["RabbitMQDiskFree", "RabbitMQDiskFreeLimit"]),
    }
    bounds = {name: (alarm["ComparisonOperator"], alarm["Threshold"]) for name, alarm in rings.items()}
    assert bounds == {"memory": ("GreaterThanThreshold", 0.8), "disk": ("LessThanThreshold", 2.0)}


def reckoned(alarm: dict[str, Any]) -> tuple[str, list[str]]:
    ratio, *operands = alarm["Metrics"]
    return ratio["Expression"], [operand["MetricStat"]["Metric"]["MetricName"] for operand in operands]


def test_of_the_canary_and_of_what_must_run_every_minute_silence_rings() -> None:
    ringing = {alarm.name for alarm in all_of_them() if alarm.silence_rings}
    assert ringing == {"canary", "relay does not run", "measure_queues does not run"}


def test_no_two_alarms_have_one_name() -> None:
    names = [alarm.name for alarm in all_of_them()]
    assert sorted(names) == sorted(set(names))


def test_deleting_leaves_nothing_and_may_be_repeated(target: Target) -> None:
    ensure_alarms(target, PLATFORM, api_url=API_URL)
    ensure_dashboard(target, api_url=API_URL)
    for _ in range(2):
        delete_alarms(target)
        delete_dashboard(target)
    assert named() == {}
    assert rehearsed_client("sns").list_topics()["Topics"] == []
    assert rehearsed_client("cloudwatch").list_dashboards()["DashboardEntries"] == []


def test_the_dashboard_is_put_once_with_every_section(target: Target) -> None:
    for _ in range(2):
        ensure_dashboard(target, api_url=API_URL)
    (entry,) = rehearsed_client("cloudwatch").list_dashboards()["DashboardEntries"]
    body = json.loads(
        rehearsed_client("cloudwatch").get_dashboard(DashboardName=entry["DashboardName"])["DashboardBody"]
    )
    headings = [widget["properties"]["markdown"] for widget in body["widgets"] if widget["type"] == "text"]
    assert headings == ["## Promises", "## Queues", "## Providers", "## API", "## Functions", "## Servers"]


def test_no_two_widgets_of_the_dashboard_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in body_of(sections("dev", "api"), region="eu-central-1")["widgets"]:
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
