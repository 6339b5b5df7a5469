"""What a stack decides for the functions, and what its caller may decide instead."""

import json
import re
from pathlib import Path

import pytest

from chalicelib.settings import Settings
from offline.services.fleet import NAMES
from offline.stack.function_settings import function_settings
from offline.stack.functions import emulator_config
from offline.stack.layout import REPOSITORY
from offline.stack.plan import StackPlan, load_or_make

ADDRESSES = {
    "DATABASE_URL": "postgresql://carillon:word@127.0.0.1:1/carillon",
    "REDIS_URL": "redis://:word@127.0.0.1:2/0",
    "RABBITMQ_URL": "amqp://carillon:word@127.0.0.1:3/%2F",
}


@pytest.fixture
def plan(tmp_path: Path) -> StackPlan:
    return load_or_make(tmp_path / "plan.json", prefer_defaults=False)


@pytest.mark.parametrize(
    "name", sorted(field.upper() for field in Settings.model_fields if field.upper() not in ADDRESSES)
)
def test_every_setting_of_the_functions_can_be_given_by_the_caller(name: str, plan: StackPlan) -> None:
    settings = function_settings(plan=plan, addresses=ADDRESSES, environment={name: "the caller's"})
    assert settings[name] == "the caller's"


def test_nothing_else_of_the_callers_environment_reaches_the_functions(plan: StackPlan) -> None:
    environment = {"GITHUB_TOKEN": "a", "DATABASE_URL": "elsewhere", "PS1": "$"}
    settings = function_settings(plan=plan, addresses=ADDRESSES, environment=environment)
    assert settings["DATABASE_URL"] == ADDRESSES["DATABASE_URL"]
    assert {"GITHUB_TOKEN", "PS1"}.isdisjoint(settings)


def test_a_plan_is_made_once_and_its_secrets_are_its_own(plan: StackPlan, tmp_path: Path) -> None:
    assert load_or_make(tmp_path / "plan.json", prefer_defaults=False) == plan
    other = load_or_make(tmp_path / "other.json", prefer_defaults=False)
    assert {plan.client_secret, plan.admin_password, plan.signing_key}.isdisjoint(
        {other.client_secret, other.admin_password, other.signing_key}
    )


def test_every_lane_and_the_archive_has_one_function_and_one_mapping() -> None:
    text = emulator_config(settings={}, broker_url="amqp://127.0.0.1:3/shop", control_port=0, function_timeout_s=60)
    config = json.loads(text)
    assert {mapping["function"]: mapping["queue"] for mapping in config["mappings"]} == {
        "deliver_email": "email.queue",
        "deliver_email_bulk": "email.bulk.queue",
        "deliver_push": "push.queue",
        "deliver_push_bulk": "push.bulk.queue",
        "archive_failed": "failed.queue",
    }
    assert {mapping["virtual_host"] for mapping in config["mappings"]} == {"shop"}


def test_containers_listen_on_loopback_and_have_no_password_of_their_own() -> None:
    text = (REPOSITORY / "localstack/docker-compose.yml").read_text()
    servers, _, _ = text.partition("\nvolumes:")
    assert set(re.findall(r"^  (\w+):$", servers, re.MULTILINE)) == set(NAMES)
    ports = re.findall(r'"([^"]*:-\d+\}:\d+)"', servers)
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert servers.count("${CARILLON_PASSWORD:?}") == len(NAMES)
