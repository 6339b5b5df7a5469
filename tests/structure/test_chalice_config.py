"""`.chalice/config.json` as Chalice reads it, held against the code that it configures."""

import json
import os
from pathlib import Path

import pytest
from chalice.cli.factory import CLIFactory
from chalice.config import Config
from chalice.deploy.validate import validate_configuration

import app
from infra import functions
from infra.release.schedules import LONGEST_EVENT_AGE_S
from infra.stage import read_stage

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("local", "dev", "prod")
FUNCTIONS = set(functions.ALL)
LONGEST_S = {"queue": 14 * 60, "gateway": 29, "lambda": 15 * 60}
"""The most that a RabbitMQ mapping, API Gateway, and Lambda itself wait for a function."""


def config(stage: str, function: str) -> Config:
    read: Config = CLIFactory(str(ROOT), environ=dict(os.environ)).create_config_obj(chalice_stage_name=stage)
    return read.scope(stage, function)


@pytest.mark.parametrize("stage", STAGES)
def test_chalice_takes_it(stage: str) -> None:
    read = CLIFactory(str(ROOT), environ=dict(os.environ)).create_config_obj(chalice_stage_name=stage)
    read.scope(stage, functions.HTTP)
    validate_configuration(
        Config(
            chalice_stage=stage,
            config_from_disk=read.config_from_disk,
            user_provided_params={"chalice_app": app.app},
            default_params={"project_dir": str(ROOT)},
        )
    )


def test_the_table_of_functions_is_what_the_manifest_has() -> None:
    assert {function.name for function in app.app.pure_lambda_functions} | {functions.HTTP} == FUNCTIONS


def test_it_configures_every_function_and_no_other() -> None:
    written = json.loads((ROOT / ".chalice" / "config.json").read_text())

    assert set(written["lambda_functions"]) == FUNCTIONS
    assert set(written["stages"]) == set(STAGES)
    for stage in STAGES:
        assert set(read_stage(ROOT, stage).reserved) == FUNCTIONS


def test_no_two_stages_share_the_metrics_of_an_api() -> None:
    """CloudWatch tells APIs apart by their name, which is the same for all, and by the gateway's stage."""
    gateway_stages = [read_stage(ROOT, stage).gateway_stage for stage in STAGES]
    assert sorted(gateway_stages) == sorted(set(gateway_stages))


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "local"])
def test_what_a_stage_of_aws_runs_on_is_not_left_to_the_machine_that_deploys(stage: str) -> None:
    written = json.loads((ROOT / ".chalice" / "config.json").read_text())
    assert written["stages"][stage]["lambda_architecture"] == "arm64"


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("function", functions.ALL)
def test_every_function_has_its_own_policy_and_its_logs_an_end(stage: str, function: str) -> None:
    read = config(stage, function)

    assert (read.autogen_policy, read.iam_policy_file) == (False, f"policies/{function}.json")
    assert (ROOT / ".chalice" / read.iam_policy_file).is_file()
    assert read.log_retention_in_days
    assert read.lambda_memory_size >= 512


@pytest.mark.parametrize("function", functions.ALL)
def test_no_function_may_run_longer_than_what_invokes_it_waits(function: str) -> None:
    kind = "queue" if function in functions.CONSUMERS else "gateway" if function == functions.HTTP else "lambda"

    assert config("prod", function).lambda_timeout <= LONGEST_S[kind]


def test_what_overlaps_to_no_use_runs_once_at_a_time_and_the_rest_has_room_to() -> None:
    for stage in STAGES:
        reserved = read_stage(ROOT, stage).reserved
        for name, schedule in functions.SCHEDULES.items():
            assert (reserved[name] > 1) == schedule.overlaps, f"{stage}: {name}"
        for name in functions.CONSUMERS:
            assert reserved[name] == 2, f"{stage}: {name}"


def test_a_schedule_that_runs_once_at_a_time_is_over_before_its_event_is_dropped() -> None:
    """The event of a throttled run waits this long: a run of that length would push out every second one."""
    assert config("prod", "measure_queues").lambda_timeout <= LONGEST_EVENT_AGE_S
