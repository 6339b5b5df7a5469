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

COMPOSE = REPOSITORY / "localstack/docker-compose.yml"
LOCALSTACK_LOCK = REPOSITORY / "localstack/requirements-localstack.txt"


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
    servers, _ = _containers()
    assert set(re.findall(r"^  (\w+):$", servers, re.MULTILINE)) == set(NAMES)
    ports = re.findall(r'"([^"]*:-\d+\}:\d+)"', servers)
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert servers.count("${CARILLON_PASSWORD:?}") == len(NAMES)


def test_localstack_in_a_container_is_the_version_that_is_installed_elsewhere_and_listens_on_loopback() -> None:
    _, localstack = _containers()
    (version,) = re.findall(r"^localstack-core==(\S+)", LOCALSTACK_LOCK.read_text(), re.MULTILINE)
    assert f"image: localstack/localstack:{version}\n" in localstack
    assert "profiles: [localstack]" in localstack
    assert "GATEWAY_LISTEN: 127.0.0.1:${CARILLON_LOCALSTACK_PORT:-4566}" in localstack
    assert "docker.sock" not in localstack


def test_what_is_mounted_into_localstacks_container_is_there_and_read_only() -> None:
    _, localstack = _containers()
    mounted = re.findall(r"^      - \./(\S+?):\S+?(:ro)?$", localstack, re.MULTILINE)
    assert len(mounted) == 4
    assert [source for source, ro in mounted if not ro or not (COMPOSE.parent / source).exists()] == []
    assert (COMPOSE.parent / "container" / "install.sh").stat().st_mode & 0o111


def _containers() -> tuple[str, str]:
    """Return the services that are servers, and the one that is LocalStack."""
    services, _, _ = COMPOSE.read_text().partition("\nvolumes:")
    servers, _, localstack = services.partition("\n  localstack:\n")
    return servers, localstack
