"""`make localstack` and `make localstack-down` as commands: what they leave, what they repair, what they remove."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping

import httpx
import jwt
import psycopg
import pytest

from infra.functions import HTTP
from offline.cloud.stack import CloudStack
from offline.cloud.testbed import private_cloud
from offline.services import kernel
from offline.stack.stack_env import read_stack_env
from tests.e2e import test_stack_commands as stack_commands
from tests.e2e.test_stack_commands import KEYS, alive, leaders, left_over, read_until

PARTS = {"postgresql", "valkey", "rabbitmq", "epmd", "mail-sink", "fcm-double", "localstack"}


@pytest.fixture
def own_cloud() -> Iterator[CloudStack]:
    """A stack that only this test touches, down at first."""
    with private_cloud() as cloud:
        yield cloud


def begin(command: str, cloud: CloudStack, settings: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    home = {"HOME": os.environ["HOME"]}  # pip's settings lie there
    return stack_commands.begin(command, cloud, {**home, **(settings or {})}, program="offline.cloud")


def run(command: str, cloud: CloudStack, settings: Mapping[str, str] | None = None) -> str:
    """Run a command to its end; it must succeed. Return what it printed."""
    with begin(command, cloud, settings) as process:
        printed, _ = process.communicate(timeout=400)
    assert process.returncode == 0, printed
    return printed


def test_it_deploys_repairs_what_died_applies_what_changed_and_leaves_nothing(own_cloud: CloudStack) -> None:
    printed = run("up", own_cloud)
    file = own_cloud.layout.stack_env
    first = read_stack_env(file)
    started = leaders(own_cloud)
    assert set(first) == KEYS
    assert first["API_URL"] in printed
    assert file.stat().st_mode & 0o777 == 0o600
    assert not [secret for secret in (first["CLIENT_SECRET"], first["ADMIN_PASSWORD"]) if secret in printed]
    assert alive(started).keys() == PARTS
    functions = own_cloud.pids_of(HTTP)
    assert functions

    assert "nothing has changed" in run("up", own_cloud)
    assert (leaders(own_cloud), read_stack_env(file)) == (started, first)
    assert "email.queue" in run("status", own_cloud)

    with psycopg.connect(first["DATABASE_URL"]) as database:
        database.execute("CREATE TABLE public.trace AS SELECT 1 AS kept")
    for name in ("localstack", "postgresql"):
        own_cloud.kill(name)
    assert [pid for pid in functions if kernel.look(pid) is not None] == []
    run("up", own_cloud, {"JWT_ISSUER": "somebody-else"})
    second = read_stack_env(file)
    assert {key for key in KEYS if first[key] != second[key]} <= {"API_URL"}
    with psycopg.connect(second["DATABASE_URL"]) as database:
        assert database.execute("SELECT kept FROM public.trace").fetchone() == (1,)
    assert issuer_of(second) == "somebody-else"
    unharmed = {"valkey", "rabbitmq", "mail-sink", "fcm-double"}
    assert {name for name in unharmed if leaders(own_cloud)[name] != started[name]} == set()

    everything = {**leaders(own_cloud), "function": own_cloud.pids_of(HTTP)[0]}
    run("down", own_cloud)
    assert alive(everything) == {}
    assert left_over(own_cloud.layout.root) == []


def test_a_launcher_that_was_killed_leaves_what_down_removes(own_cloud: CloudStack) -> None:
    with begin("up", own_cloud) as process:
        read_until(process, "Deployment")
        started = leaders(own_cloud)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    assert started.keys() == PARTS
    run("down", own_cloud)
    assert alive(started) == {}
    assert left_over(own_cloud.layout.root) == []
    assert "LocalStack is down" in run("down", own_cloud)


def issuer_of(addresses: Mapping[str, str]) -> str:
    """The issuer that a token of this deployment names."""
    credentials = {"client_id": addresses["CLIENT_ID"], "client_secret": addresses["CLIENT_SECRET"]}
    token = httpx.post(f"{addresses['API_URL']}/v1/auth/token", json=credentials, timeout=30).json()["access_token"]
    return str(jwt.decode(token, options={"verify_signature": False})["iss"])
