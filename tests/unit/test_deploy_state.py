"""The record of what is deployed, and what is found when there is none."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from infra.release.found import Finder
from infra.release.state import Deployed, StateBucket
from infra.target import Target
from tests.rehearsed_aws import ENVIRONMENT, RehearsedTarget, rehearsed_client

BUCKET = "carillon-dev-state"
NOTHING = Deployed([])


@pytest.fixture
def target() -> Iterator[Target]:
    with mock_aws():
        rehearsed_client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        yield RehearsedTarget("dev", ENVIRONMENT)


def make_role(function: str) -> str:
    role = rehearsed_client("iam").create_role(RoleName=f"carillon-dev-{function}", AssumeRolePolicyDocument="{}")
    return str(role["Role"]["Arn"])


def make_function(name: str, role: str) -> str:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as package:
        package.writestr("app.py", "")
    answer = rehearsed_client("lambda").create_function(
        FunctionName=name, Runtime="python3.11", Role=role, Handler="app.f", Code={"ZipFile": code.getvalue()}
    )
    return str(answer["FunctionArn"])


def make_api(called: str, *, name: str = "carillon") -> str:
    client = rehearsed_client("apigateway")
    api_id = str(client.create_rest_api(name=name)["id"])
    root = client.get_resources(restApiId=api_id)["items"][0]["id"]
    client.put_method(restApiId=api_id, resourceId=root, httpMethod="GET", authorizationType="NONE")
    client.put_integration(
        restApiId=api_id,
        resourceId=root,
        httpMethod="GET",
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{called}/invocations",
    )
    return api_id


def test_without_a_record_nothing_was_deployed(target: Target) -> None:
    assert StateBucket(target.client("s3"), BUCKET, "dev").load() == NOTHING


def test_a_function_whose_role_was_deleted_is_known_by_it() -> None:
    relay = {"name": "relay", "resource_type": "lambda_function", "lambda_arn": "arn:x"}
    role = {"name": "relay_role", "resource_type": "iam_role", "role_arn": "arn:y", "role_name": "carillon-dev-relay"}

    assert Deployed([relay, role]).has_role("relay")
    assert not Deployed([relay]).has_role("relay")


def test_what_is_saved_is_loaded_until_it_is_forgotten(target: Target) -> None:
    bucket = StateBucket(target.client("s3"), BUCKET, "dev")
    deployed = Deployed([{"name": "relay", "resource_type": "lambda_function", "lambda_arn": "arn:x"}])

    bucket.save(deployed)
    assert bucket.load() == deployed
    assert StateBucket(target.client("s3"), BUCKET, "prod").load() == NOTHING

    bucket.forget()
    assert bucket.load() == NOTHING


def test_what_a_deployment_left_that_died_is_found_by_its_names(target: Target) -> None:
    role = make_role("relay")
    make_role("migrate")
    arn = make_function("carillon-dev-relay", role)
    http = make_function("carillon-dev", role)
    api_id = make_api(http)

    found = Finder.of(target).find(NOTHING)

    assert found.function_arns == {"relay": arn, "api_handler": http}
    assert found.rest_api_id == api_id
    assert {one["name"] for one in found.resources if one["resource_type"] == "iam_role"} == {
        "relay_role",
        "migrate_role",
    }


def test_the_api_of_another_stage_or_application_is_not_ours(target: Target) -> None:
    role = make_role("api_handler")
    ours, other = make_function("carillon-dev", role), make_function("carillon-dev2", role)
    make_api(other)
    make_api(ours, name="something else")

    assert Finder.of(target).find(NOTHING).rest_api_id is None


def test_the_recorded_api_stays_ours_beside_an_older_one(target: Target) -> None:
    http = make_function("carillon-dev", make_role("api_handler"))
    make_api(http)
    recorded = make_api(http)
    record = Deployed([{"name": "rest_api", "resource_type": "rest_api", "rest_api_id": recorded}])

    assert Finder.of(target).find(record).rest_api_id == recorded


def test_what_is_recorded_and_gone_is_not_believed(target: Target) -> None:
    record = Deployed(
        [
            {"name": "relay", "resource_type": "lambda_function", "lambda_arn": "arn:gone"},
            {"name": "rest_api", "resource_type": "rest_api", "rest_api_id": "gone"},
        ]
    )

    assert Finder.of(target).find(record) == NOTHING


def test_a_recorded_function_that_the_code_no_longer_has_is_found_to_be_removed(target: Target) -> None:
    arn = make_function("carillon-dev-former", make_role("former"))
    record = Deployed([{"name": "former", "resource_type": "lambda_function", "lambda_arn": arn}])

    assert Finder.of(target).find(record).function_arns == {"former": arn}


def test_the_record_is_one_that_chalice_reads(tmp_path: Path) -> None:
    from chalice.config import Config  # noqa: PLC0415  slow, and only here

    folder = tmp_path / ".chalice" / "deployed"
    folder.mkdir(parents=True)
    deployed = Deployed([{"name": "rest_api", "resource_type": "rest_api", "rest_api_id": "abc"}])
    (folder / "dev.json").write_text(deployed.write())

    read = Config(config_from_disk={}, user_provided_params={"project_dir": str(tmp_path)}).deployed_resources("dev")

    assert read.resource_values("rest_api")["rest_api_id"] == "abc"
    assert json.loads(deployed.write())["schema_version"] == "2.0"
