"""The servers of a stage as a whole: their order, what a person must give, and what the functions are told."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.settings import Settings
from infra.errors import StepFailed
from infra.eventually import Patience
from infra.platform.entrusted import ASKED_FOR, secret_name
from infra.platform.servers import PARTS, delete_platform, ensure_platform, read_profile
from infra.platform.template import filled, parts_of, read_template
from infra.target import AwsClient
from tests.fake_cloudformation import FakeCloudFormation
from tests.rehearsed_aws import ENVIRONMENT, RehearsedTarget, rehearsed_client

GIVEN = {"EMAIL_FROM": "Carillon <no-reply@example.com>", "FCM_PROJECT_ID": "carillon-test"}
PATIENCE = Patience(longest_s=60, every_s=1, pause=lambda _s: None)


@dataclass(frozen=True, slots=True)
class StagedTarget(RehearsedTarget):
    """moto's account, with a CloudFormation that knows every type of resource."""

    cloudformation: Any = None  # Any: stands for a boto3 client
    said: list[str] = field(default_factory=list)

    def client(self, service: str) -> AwsClient:
        return self.cloudformation if service == "cloudformation" else rehearsed_client(service)

    def ensure(self, profile: str = "small", given: Mapping[str, str] = GIVEN) -> Any:
        return ensure_platform(self, profile=profile, given=given, say=self.said.append, patience=PATIENCE)

    def fill(self) -> None:
        """What a person does when asked."""
        for setting in ASKED_FOR:
            self.client("secretsmanager").put_secret_value(SecretId=secret_name("dev", setting), SecretString="given")


def outputs_of(made: Callable[[str], None]) -> Callable[[str, str, Mapping[str, str]], Mapping[str, str]]:
    """Every output of the template; `made` hears of each stack that is looked at."""

    def outputs(name: str, body: str, parameters: Mapping[str, str]) -> Mapping[str, str]:
        if not body:
            return {}
        made(name.rpartition("-")[2])
        told = parts_of(body).get("Outputs", {})
        has_replica = parameters.get("ReadReplicas") != "0"
        return {key: f"{name}/{key}" for key, output in told.items() if "Condition" not in output or has_replica}

    return outputs


@pytest.fixture
def target() -> Iterator[StagedTarget]:
    with mock_aws():
        secretsmanager = rehearsed_client("secretsmanager")

        def made(part: str) -> None:
            known = {secret["Name"] for secret in secretsmanager.list_secrets()["SecretList"]}
            names = [secret_name("dev", setting) for setting in (*ASKED_FOR, "JWT_PRIVATE_KEYS")]
            if part == "entrusted":
                for name in set(names) - known:
                    secretsmanager.create_secret(Name=name)

        yield StagedTarget("dev", ENVIRONMENT, FakeCloudFormation(outputs=outputs_of(made)))


def test_empty_secrets_are_asked_for_by_name_before_any_server_is_made(target: StagedTarget) -> None:
    with pytest.raises(StepFailed) as failure:
        target.ensure()
    assert "carillon/dev/EMAIL_PROVIDERS, carillon/dev/FCM_CREDENTIALS" in str(failure.value)
    assert "aws secretsmanager put-secret-value --region eu-central-1" in failure.value.remedy
    assert set(target.cloudformation.stacks) == {"carillon-dev-state", "carillon-dev-entrusted"}


def test_a_first_signing_key_is_made_and_kept(target: StagedTarget) -> None:
    def ring() -> str:
        secret: str = target.client("secretsmanager").get_secret_value(SecretId="carillon/dev/JWT_PRIVATE_KEYS")[
            "SecretString"
        ]
        return secret

    with pytest.raises(StepFailed):
        target.ensure()
    first = ring()
    target.fill()
    target.ensure()
    assert ring() == first
    assert [key.startswith("-----BEGIN PRIVATE KEY-----") for key in json.loads(first).values()] == [True]


@pytest.fixture
def filled_target(target: StagedTarget) -> StagedTarget:
    with pytest.raises(StepFailed):
        target.ensure()
    target.fill()
    return target


def test_the_stacks_are_made_in_the_order_of_who_needs_whom(filled_target: StagedTarget) -> None:
    filled_target.ensure()
    made = filled_target.cloudformation.called("execute_change_set")
    assert made == [f"carillon-dev-{part}" for part in PARTS]


def test_a_second_run_changes_nothing(filled_target: StagedTarget) -> None:
    once = filled_target.ensure()
    before = len(filled_target.cloudformation.called("execute_change_set"))
    assert filled_target.ensure() == once
    assert len(filled_target.cloudformation.called("execute_change_set")) == before


def test_sizes_that_would_replace_a_server_in_use_are_refused_before_anything_is_changed(
    filled_target: StagedTarget,
) -> None:
    filled_target.ensure("production")
    before = list(filled_target.cloudformation.calls)
    with pytest.raises(StepFailed) as failure:
        filled_target.ensure("small")
    assert "Zones 3 → 2, BrokerMode CLUSTER_MULTI_AZ → SINGLE_INSTANCE" in str(failure.value)
    assert "PROFILE=" in failure.value.remedy
    assert filled_target.cloudformation.calls == before


def test_a_stage_whose_network_never_came_to_be_may_still_have_other_sizes(filled_target: StagedTarget) -> None:
    failing = filled_target.cloudformation.failing
    failing["carillon-dev-network"] = ("PrivateC", "AWS::EC2::Subnet", "no such zone")
    with pytest.raises(StepFailed, match="no such zone"):
        filled_target.ensure("production")
    failing.clear()
    assert filled_target.ensure("small").broker_arn


def test_the_functions_are_told_every_required_setting_and_secrets_only_by_arn(filled_target: StagedTarget) -> None:
    platform = filled_target.ensure()
    required = {name.upper() for name, one in Settings.model_fields.items() if one.is_required()}
    assert required <= set(platform.settings)
    assert platform.settings["DATABASE_URL"] == "carillon-dev-database/DatabaseUrlArn"
    assert platform.settings["EMAIL_FROM"] == GIVEN["EMAIL_FROM"]
    assert platform.settings["POWERTOOLS_SERVICE_NAME"] == "carillon-dev"
    assert platform.broker_secret_arn == "carillon-dev-broker/BrokerLoginArn"


@pytest.mark.parametrize(("profile", "reads"), [("small", 0), ("production", 3)])
def test_lists_are_read_from_replicas_where_there_are_any(
    filled_target: StagedTarget, profile: str, reads: int
) -> None:
    settings = filled_target.ensure(profile).settings
    assert sum(name.endswith("_READ_URL") for name in settings) == reads


def test_other_settings_reach_the_functions_and_what_is_none_does_not(filled_target: StagedTarget) -> None:
    settings = filled_target.ensure(given={**GIVEN, "RETRY_DELAYS_S": "1,2", "HOME": "/root"}).settings
    assert settings["RETRY_DELAYS_S"] == "1,2"
    assert "HOME" not in settings


def test_what_only_the_caller_knows_is_asked_for_by_name_before_anything_is_made(target: StagedTarget) -> None:
    with pytest.raises(StepFailed, match="EMAIL_FROM, FCM_PROJECT_ID"):
        target.ensure(given={})
    assert target.cloudformation.calls == []


@pytest.mark.parametrize(
    ("setting", "value"),
    [("RATE_LIMIT_IP", "abc"), ("CORS_ORIGINS", "example"), ("RETRY_DELAYS_S", "soon"), ("RETENTION_DAYS", "0")],
)
def test_what_the_functions_would_not_start_with_is_refused_before_anything_is_made(
    target: StagedTarget, setting: str, value: str
) -> None:
    with pytest.raises(StepFailed, match=rf"would not start: {setting}: "):
        target.ensure(given={**GIVEN, setting: value})
    assert target.cloudformation.called("create_change_set") == []


@pytest.mark.parametrize("name", ["FCM_CREDENTIALS", "JWT_PRIVATE_KEYS", "USERS_DATABASE_URL"])
def test_a_secret_in_the_environment_is_refused_without_showing_it(target: StagedTarget, name: str) -> None:
    with pytest.raises(StepFailed, match=name) as failure:
        target.ensure(given={**GIVEN, name: "postgresql://s3cret"})
    assert "s3cret" not in str(failure.value)


def test_a_database_of_one_s_own_is_given_by_the_arn_of_its_secret(filled_target: StagedTarget) -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:people-AbCdEf"
    settings = filled_target.ensure(
        given={**GIVEN, "USERS_DATABASE_URL": arn, "DATABASE_URL": "of a local stack"}
    ).settings
    assert settings["USERS_DATABASE_URL"] == arn
    assert settings["DATABASE_URL"] == "carillon-dev-database/DatabaseUrlArn"


def test_replicas_that_nobody_could_verify_are_refused(target: StagedTarget) -> None:
    elsewhere = StagedTarget("dev", {**ENVIRONMENT, "AWS_DEFAULT_REGION": "mx-central-1"}, target.cloudformation)
    with pytest.raises(StepFailed, match="mx-central-1"):
        elsewhere.ensure("production")


def test_an_unknown_profile_is_refused_with_the_known_ones(target: StagedTarget) -> None:
    with pytest.raises(StepFailed, match="production, small"):
        target.ensure("huge")


def test_all_is_deleted_in_the_reverse_order_and_repeating_it_is_harmless(filled_target: StagedTarget) -> None:
    filled_target.ensure()
    s3 = filled_target.client("s3")
    filled_target.cloudformation.outputs = lambda name, _body, _parameters: (
        {"StateBucket": "kept"} if name.endswith("-state") else {}
    )
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    for text in (b"one", b"two"):
        s3.put_object(Bucket="kept", Key="deployed.json", Body=text)
    for _ in range(2):
        delete_platform(filled_target, say=filled_target.said.append, patience=PATIENCE)
    assert filled_target.cloudformation.called("delete_stack") == [f"carillon-dev-{part}" for part in reversed(PARTS)]
    s3.delete_bucket(Bucket="kept")  # which S3 refuses while any version is left


def test_a_protected_database_is_deleted_only_after_a_person_has_unprotected_it(
    filled_target: StagedTarget,
) -> None:
    filled_target.ensure()
    rds = filled_target.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="carillon-dev",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        DeletionProtection=True,
    )
    with pytest.raises(StepFailed, match="--no-deletion-protection"):
        delete_platform(filled_target, say=filled_target.said.append, patience=PATIENCE)
    assert filled_target.cloudformation.called("delete_stack") == []


@pytest.mark.parametrize("profile", ["small", "production"])
def test_every_parameter_of_every_template_has_a_value(profile: str) -> None:
    values = {**read_profile(profile), "Stage": "dev"}
    for part in PARTS:
        body = read_template(part)
        filled(body, values)
        values |= dict.fromkeys(parts_of(body).get("Outputs", {}), "told")


def test_every_size_of_a_profile_is_used() -> None:
    used = {name for part in PARTS for name in parts_of(read_template(part))["Parameters"]}
    assert set(read_profile("small")) == set(read_profile("production")) <= used
