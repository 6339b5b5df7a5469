"""Deployments that died, and those that cannot work: what the next one makes of them, and what a person is told.

On a stage of their own, beside the deployed Carillon: an application of two functions that do nothing.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.destroy import destroy
from infra.errors import StepFailed
from infra.eventually import Patience
from infra.functions import Schedule
from infra.release.chalice_deploy import delete_project, deploy_project
from infra.release.found import Finder
from infra.release.log_group import delete_log_groups, ensure_log_group
from infra.release.mappings import Broker, Mappings
from infra.release.schedules import Schedules
from infra.release.state import Deployed, record_of
from infra.target import Target
from offline.cloud.stack import CloudStack

NOTHING = Deployed([])
APP = """
from chalice.app import Chalice
app = Chalice(app_name="carillon")

@app.route("/health")
def health():
    return {}

@app.lambda_function(name="relay")
def relay(event, context):
    pass
"""
FORMER = """
@app.lambda_function(name="former")
def former(event, context):
    pass
"""
CONFIG = {
    "version": "2.0",
    "app_name": "carillon",
    "autogen_policy": False,
    "stages": {"halfway": {"iam_policy_file": "policy.json", "reserved_concurrency": 1}},
}
POLICY = {"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "arn:aws:logs:*:*:*"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".chalice").mkdir()
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / ".chalice" / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / ".chalice" / "policy.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": [POLICY]}))
    return tmp_path


@pytest.fixture
def target(cloud: CloudStack, project: Path) -> Iterator[Target]:
    target = Target("halfway", cloud.target.environment)
    yield target
    found = Finder.of(target).find(NOTHING)
    if found.resources:
        delete_project(target, project, known=found)


def apis_of(target: Target) -> int:
    """How many of all APIs call a function of this stage."""
    client = target.client("apigateway")
    resources = [
        client.get_resources(restApiId=api["id"], embed=["methods"]) for api in client.get_rest_apis()["items"]
    ]
    return sum("function:carillon-halfway/" in json.dumps(each["items"]) for each in resources)


def test_a_deployment_that_died_is_gone_on_with(target: Target, project: Path) -> None:
    (project / "app.py").write_text(APP + FORMER)
    first = deploy_project(target, project, known=NOTHING)
    target.client("lambda").delete_function(FunctionName="carillon-halfway-relay")
    record_of(project, "halfway").unlink()
    (project / "app.py").write_text(APP)

    again = deploy_project(target, project, known=Finder.of(target).find(first))

    assert set(again.function_arns) == set(Finder.of(target).find(first).function_arns) == {"api_handler", "relay"}
    assert (apis_of(target), again.rest_api_id) == (1, first.rest_api_id)


def test_a_release_is_destroyed_whole_and_destroying_again_is_harmless(target: Target, project: Path) -> None:
    arns = deploy_project(target, project, known=NOTHING).function_arns
    schedules = Schedules(target.client("events"), target.client("lambda"), target.stage)
    schedules.ensure({"relay": Schedule("rate(1 day)")}, arns)

    for _ in range(2):
        destroy(target, state_bucket=None, work=project / "work", say=lambda _text: None, again="")

    assert (apis_of(target), Finder.of(target).find(NOTHING)) == (0, NOTHING)
    assert target.client("events").list_rules(NamePrefix="carillon-halfway-")["Rules"] == []
    assert (
        target.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/carillon-halfway")["logGroups"] == []
    )


def test_a_failure_is_told_in_the_words_of_chalice(target: Target, project: Path) -> None:
    (project / "app.py").write_text(APP.replace("def health():", "def health(:"))

    with pytest.raises(StepFailed, match=r"chalice deploy failed:(?s:.*)SyntaxError"):
        deploy_project(target, project, known=NOTHING)


def test_a_mapping_whose_virtual_host_the_broker_does_not_have_is_told_with_lambdas_reason(
    target: Target, cloud: CloudStack, project: Path
) -> None:
    arns = deploy_project(target, project, known=NOTHING).function_arns
    mappings = Mappings(target.client("lambda"), Patience(longest_s=30, every_s=0.1))
    (running, *_) = target.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    login, _ = running["SourceAccessConfigurations"]
    elsewhere = Broker(running["EventSourceArn"], login["URI"], "/there-is-no-such-host")

    with pytest.raises(StepFailed, match=r"mapping of relay \(email.queue\) is Disabled: EVENT_SOURCE_AUTHZ_ERROR"):
        mappings.ensure({"relay": "email.queue"}, arns, broker=elsewhere)

    mappings.delete_all(arns)


def test_log_groups_are_those_of_the_functions_own_names(target: Target) -> None:
    logs = target.client("logs")
    for _ in range(2):
        ensure_log_group(logs=logs, stage="halfway", retention_days=3)
    logs.create_log_group(logGroupName="/aws/lambda/carillon-halfway-relay")
    logs.create_log_group(logGroupName="/aws/lambda/carillon-halfwayhouse")

    delete_log_groups(logs=logs, stage="halfway")

    left = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/carillon-halfway")["logGroups"]
    assert [group["logGroupName"] for group in left] == ["/aws/lambda/carillon-halfwayhouse"]
    logs.delete_log_group(logGroupName="/aws/lambda/carillon-halfwayhouse")
