"""Chalice's configuration for one deployment: the committed one, and what only the platform knows."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.build.rendering import render
from infra.target import Platform

ARN = "arn:aws-cn:mq:cn-north-1:123456789012:broker:carillon:b-1"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source" / ".chalice"
    (folder / "policies").mkdir(parents=True)
    stages = {"dev": {"environment_variables": {"LOG_LEVEL": "INFO"}, "tags": {"stage": "dev"}}, "prod": {}}
    (folder / "config.json").write_text(json.dumps({"app_name": "carillon", "stages": stages}))
    (folder / "policies" / "relay.json").write_text(
        '{"Resource": "arn:${Partition}:logs:${Region}:${Account}:log-group:/carillon-${Stage}-${aws:userid}"}'
    )
    return tmp_path / "source"


def rendered(source: Path, **platform: Any) -> tuple[dict[str, Any], str]:  # Any: of Platform, and of Chalice
    found = Platform(
        settings={"DATABASE_URL": "arn:…"},
        broker_arn=ARN,
        broker_secret_arn="",
        virtual_host="/",
        state_bucket="",
        **platform,
    )
    into = source.parent / "project"
    render(source, into, stage="dev", platform=found, architecture="arm64")
    chalice = into / ".chalice"
    return json.loads((chalice / "config.json").read_text()), (chalice / "policies" / "relay.json").read_text()


def test_only_the_stage_that_is_deployed_is_in_the_project(source: Path) -> None:
    config, _ = rendered(source)
    assert config["stages"].keys() == {"dev"}
    assert config["stages"]["dev"]["tags"] == {"stage": "dev"}
    assert config["stages"]["dev"]["lambda_architecture"] == "arm64"


def test_settings_of_the_platform_stand_beside_those_of_the_stage(source: Path) -> None:
    config, _ = rendered(source)
    assert config["stages"]["dev"]["environment_variables"] == {"LOG_LEVEL": "INFO", "DATABASE_URL": "arn:…"}


def test_functions_are_in_the_platforms_network_where_it_has_one(source: Path) -> None:
    config, _ = rendered(source)
    assert "subnet_ids" not in config["stages"]["dev"]


def test_the_network_is_given_whole(source: Path) -> None:
    config, _ = rendered(source, subnet_ids=("subnet-1", "subnet-2"), security_group_ids=("sg-1",))
    assert config["stages"]["dev"]["subnet_ids"] == ["subnet-1", "subnet-2"]
    assert config["stages"]["dev"]["security_group_ids"] == ["sg-1"]


def test_a_policys_placeholders_are_those_of_the_brokers_account_and_the_stage(source: Path) -> None:
    _, policy = rendered(source)
    assert json.loads(policy)["Resource"] == (
        "arn:aws-cn:logs:cn-north-1:123456789012:log-group:/carillon-dev-${aws:userid}"
    )
