"""What LocalStack makes of the platform's templates is what docs/platform-on-localstack.md says, line by line."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from infra.errors import StepFailed
from infra.eventually import Patience
from infra.platform.servers import PARTS, ensure_platform, read_profile
from infra.platform.stacks import Stack
from infra.platform.template import filled, parts_of, read_template
from infra.target import Target
from offline.cloud.stack import CloudStack

PAGE = (Path(__file__).parents[2] / "docs" / "platform-on-localstack.md").read_text()
TEMPLATES_TOLD = dict(re.findall(r"^\| `([a-z]+)` \| ([^(\n]*?) *(?:\(.*)?\|$", PAGE, re.MULTILINE))
TYPES_TOLD = dict(re.findall(r"^\| `(AWS::[\w:]+)` \| ([a-z ]+?) *[|;]", PAGE, re.MULTILINE))
STAGE = "tried"
PATIENCE = Patience(longest_s=60, every_s=0.2)

Answer = Any  # what boto3 answers has no types


@dataclass
class Trial:
    """What came of creating each template, and of each type of resource in them."""

    templates: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
def target(cloud: CloudStack) -> Target:
    """The session's LocalStack, in a stage of its own."""
    return replace(cloud.target, stage=STAGE)


@pytest.fixture(scope="module")
def trial(target: Target) -> Trial:
    cloudformation = target.client("cloudformation")
    groups = {f"{name}Group": "sg-0" for name in ("Broker", "Cache", "Proxy", "Database", "Replica")}
    values = {**read_profile("production"), **groups, "Stage": STAGE}
    trial = Trial()
    for part in PARTS:
        body = read_template(part)
        stack = Stack(f"{STAGE}-{part}", cloudformation=cloudformation, say=lambda _text: None, patience=PATIENCE)
        try:
            values |= stack.ensure(body, filled(body, values))
            trial.templates[part] = "created"
        except (StepFailed, ClientError) as error:
            trial.templates[part] = f"refused: {_cause(str(error))}"
        trial.types |= dict.fromkeys(
            {one["Type"] for one in parts_of(body)["Resources"].values()} - set(trial.types), "not reached"
        )
        trial.types |= _made(cloudformation, stack.name)
    return trial


def _made(cloudformation: Answer, stack: str) -> dict[str, str]:
    try:
        resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    except ClientError:
        return {}  # not even planned
    return {one["ResourceType"]: _outcome(one) for one in resources}


def _outcome(resource: Answer) -> str:
    if resource["ResourceStatus"].endswith("FAILED"):
        return "refused"
    return "stub" if "deployed as a fallback" in resource.get("ResourceStatusReason", "") else "made"


def _cause(problem: str) -> str:
    found = re.search(r"InvalidAllocationID\.NotFound|Fn::Select", problem)
    return found[0] if found else problem


def test_every_template_is_told_of_and_ends_as_told(trial: Trial) -> None:
    assert trial.templates == TEMPLATES_TOLD


def test_every_type_of_resource_is_told_of_and_is_made_as_told(trial: Trial) -> None:
    assert trial.types == TYPES_TOLD


def test_the_url_of_the_database_holds_the_password_that_was_generated(trial: Trial, target: Target) -> None:
    secretsmanager = target.client("secretsmanager")

    def value(name: str) -> str:
        text: str = secretsmanager.get_secret_value(SecretId=f"carillon/{STAGE}/{name}")["SecretString"]
        return text

    password = re.search(r'"password": "(\w{40})"', value("database-login"))
    assert password is not None
    assert value("DATABASE_URL").startswith(f"postgresql://carillon:{password[1]}@")


def test_the_operator_is_asked_for_secrets_and_a_failure_of_cloudformation_is_told_with_its_cause(
    target: Target,
) -> None:
    """The real steps against a real CloudFormation, as far as this one goes."""
    asked = replace(target, stage="asked")
    given = {"EMAIL_FROM": "no-reply@example.com", "FCM_PROJECT_ID": "carillon-test"}
    said: list[str] = []
    with pytest.raises(StepFailed, match="carillon/asked/EMAIL_PROVIDERS, carillon/asked/FCM_CREDENTIALS"):
        ensure_platform(asked, profile="production", given=given, say=said.append, patience=PATIENCE)
    for setting in ("EMAIL_PROVIDERS", "FCM_CREDENTIALS"):
        asked.client("secretsmanager").put_secret_value(SecretId=f"carillon/asked/{setting}", SecretString="given")
    with pytest.raises(StepFailed, match=r"NatA \(AWS::EC2::NatGateway\): .*InvalidAllocationID"):
        ensure_platform(asked, profile="production", given=given, say=said.append, patience=PATIENCE)
    with pytest.raises(StepFailed):  # another cause: this CloudFormation leaves the subnet of the first try behind
        ensure_platform(asked, profile="production", given=given, say=said.append, patience=PATIENCE)
    assert any("its creation had failed (ROLLBACK_COMPLETE)" in line for line in said)
