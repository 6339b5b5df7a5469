"""The rules that invoke functions by the clock, as EventBridge and Lambda hold them."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping

import pytest
from moto import mock_aws

from infra.functions import SCHEDULES, Schedule
from infra.release.schedules import Schedules
from tests.rehearsed_aws import rehearsed_client

STAGE = "dev"


@pytest.fixture
def arns() -> Iterator[Mapping[str, str]]:
    with mock_aws():
        role = rehearsed_client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        yield {function: made(function, role) for function in SCHEDULES}


def made(function: str, role: str) -> str:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as package:
        package.writestr("app.py", "")
    answer = rehearsed_client("lambda").create_function(
        FunctionName=f"carillon-{STAGE}-{function}",
        Runtime="python3.11",
        Role=role,
        Handler="app.f",
        Code={"ZipFile": code.getvalue()},
    )
    return str(answer["FunctionArn"])


def schedules() -> Schedules:
    return Schedules(rehearsed_client("events"), rehearsed_client("lambda"), STAGE)


def rules() -> Mapping[str, tuple[str, str, list[str]]]:
    events = rehearsed_client("events")
    return {
        rule["Name"]: (
            rule["ScheduleExpression"],
            rule["State"],
            [target["Arn"] for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]],
        )
        for rule in events.list_rules()["Rules"]
    }


def wanted(arns: Mapping[str, str]) -> Mapping[str, tuple[str, str, list[str]]]:
    return {
        f"carillon-{STAGE}-{name}": (schedule.expression, "ENABLED", [arns[name]])
        for name, schedule in SCHEDULES.items()
    }


def test_each_function_of_the_table_gets_its_rule_however_often(arns: Mapping[str, str]) -> None:
    schedules().ensure(SCHEDULES, arns)
    schedules().ensure(SCHEDULES, arns)

    assert rules() == wanted(arns)


def test_a_rule_may_invoke_its_own_function_and_no_other(arns: Mapping[str, str]) -> None:
    schedules().ensure(SCHEDULES, arns)

    for name, arn in arns.items():
        policy = json.loads(rehearsed_client("lambda").get_policy(FunctionName=arn)["Policy"])
        (statement,) = policy["Statement"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Condition"]["ArnLike"]["AWS:SourceArn"].endswith(f":rule/carillon-{STAGE}-{name}")


def test_an_event_is_neither_retried_nor_kept_for_more_than_a_minute(arns: Mapping[str, str]) -> None:
    schedules().ensure(SCHEDULES, arns)

    for arn in arns.values():
        config = rehearsed_client("lambda").get_function_event_invoke_config(FunctionName=arn)
        assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (0, 60)


def test_a_rule_that_the_table_no_longer_has_is_deleted_and_other_stages_keep_theirs(arns: Mapping[str, str]) -> None:
    schedules().ensure(SCHEDULES, arns)
    rehearsed_client("events").put_rule(Name="carillon-prod-relay", ScheduleExpression="rate(1 minute)")

    schedules().ensure({"relay": Schedule("rate(2 minutes)")}, arns)

    assert {name: rule[0] for name, rule in rules().items()} == {
        "carillon-dev-relay": "rate(2 minutes)",
        "carillon-prod-relay": "rate(1 minute)",
    }


def test_after_deleting_all_nothing_of_the_stage_is_left_and_deleting_again_is_harmless(
    arns: Mapping[str, str],
) -> None:
    schedules().ensure(SCHEDULES, arns)

    schedules().delete_all()
    schedules().delete_all()

    assert rules() == {}
