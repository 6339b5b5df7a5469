"""The commands a person types: what they leave running, what they repair, and that they leave nothing behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import psycopg
import pytest

from offline.cloud.stack import CloudStack
from offline.services import kernel
from offline.stack.layout import REPOSITORY
from offline.stack.stack import Stack
from offline.stack.stack_env import read_stack_env
from offline.stack.testbed import private_stack

PARTS = ("postgresql", "valkey", "rabbitmq", "epmd", "mail-sink", "fcm-double", "front", "emulator")
KEYS = {
    *("API_URL", "CLIENT_ID", "CLIENT_SECRET", "ADMIN_EMAIL", "ADMIN_PASSWORD", "DATABASE_URL", "REDIS_URL"),
    *("RABBITMQ_URL", "RABBITMQ_MANAGEMENT_URL", "SMTP_URL", "MAIL_URL", "FCM_URL"),
}


@pytest.fixture
def own_stack() -> Iterator[Stack]:
    """A stack that only this test touches, down at first."""
    with private_stack() as stack:
        yield stack


@pytest.fixture(scope="module")
def lasting_stack() -> Iterator[Stack]:
    """A stack for tests that begin and end with a healthy one."""
    with private_stack() as stack:
        stack.up()
        yield stack


def begin(
    command: str,
    stack: Stack | CloudStack,
    settings: Mapping[str, str] | None = None,
    *,
    program: str = "offline.stack",
) -> "subprocess.Popen[str]":
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(stack.layout.root),
        "PYTHONPATH": f"{REPOSITORY / 'localstack'}{os.pathsep}{REPOSITORY}",
        **(settings or {}),
    }
    return subprocess.Popen(
        [sys.executable, "-m", program, command, "--root", str(stack.layout.root), "--free-ports"],
        env=environment,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(command: str, stack: Stack, settings: Mapping[str, str] | None = None) -> str:
    """Run a command to its end; it must succeed. Return what it printed."""
    with begin(command, stack, settings) as process:
        printed, _ = process.communicate(timeout=150)
    assert process.returncode == 0, printed
    return printed


def leaders(stack: Stack | CloudStack) -> dict[str, int]:
    """Return the process on record under each name."""
    records = [json.loads(file.read_text()) for file in stack.layout.processes.glob("*.json")]
    return {record["name"]: record["pid"] for record in records}


def alive(pids: Mapping[str, int]) -> dict[str, int]:
    return {name: pid for name, pid in pids.items() if kernel.look(pid) is not None}


def test_up_tells_where_everything_is_and_a_second_one_changes_nothing(lasting_stack: Stack) -> None:
    run("up", lasting_stack)
    started, told = leaders(lasting_stack), read_stack_env(lasting_stack.layout.stack_env)
    assert set(started) == set(PARTS)
    assert alive(started) == started
    assert set(told) == KEYS
    assert lasting_stack.layout.stack_env.stat().st_mode & 0o777 == 0o600
    printed = run("up", lasting_stack)
    assert leaders(lasting_stack) == started
    assert read_stack_env(lasting_stack.layout.stack_env) == told
    assert told["CLIENT_SECRET"] not in printed
    assert told["ADMIN_PASSWORD"] not in printed
    assert "email.queue" in run("status", lasting_stack)


def test_two_at_the_same_time_make_one_stack(own_stack: Stack) -> None:
    with begin("up", own_stack) as one, begin("up", own_stack) as other:
        printed = [process.communicate(timeout=150)[0] for process in (one, other)]
    assert [one.returncode, other.returncode] == [0, 0], printed
    assert alive(leaders(own_stack)).keys() == set(PARTS)
    assert [len(own_stack.pids(name)) for name in ("mail-sink", "fcm-double", "valkey")] == [1, 1, 1]


def test_up_repairs_a_stack_whose_every_process_was_killed(lasting_stack: Stack) -> None:
    told = lasting_stack.up()
    with psycopg.connect(told["DATABASE_URL"]) as database:
        database.execute("CREATE TABLE public.trace AS SELECT 1 AS kept")
    for name in PARTS:
        lasting_stack.kill(name)
    assert lasting_stack.up() == told
    with psycopg.connect(told["DATABASE_URL"]) as database:
        assert database.execute("SELECT kept FROM public.trace").fetchone() == (1,)


def test_an_administrator_is_made_once_with_a_password_that_lets_them_in(lasting_stack: Stack) -> None:
    told = lasting_stack.up()
    printed = run("admin", lasting_stack, {"EMAIL": "Second@example.com"})
    password = printed.partition("password")[2].split()[0]
    asked = {"email": "second@example.com", "password": password}
    answer = httpx.post(f"{told['API_URL']}/v1/auth/login", json=asked, timeout=30)
    assert answer.status_code == 200, answer.text
    assert "exists already" in run("admin", lasting_stack, {"EMAIL": "SECOND@example.com"})
    with begin("admin", lasting_stack, {"EMAIL": "nobody"}) as process:
        refusal, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "email address" in refusal
    assert password not in "".join(log.read_text() for log in lasting_stack.layout.logs.iterdir())


def test_another_setting_restarts_only_what_it_touches(lasting_stack: Stack) -> None:
    lasting_stack.up()
    before = leaders(lasting_stack)
    run("up", lasting_stack, {"EMAIL_FROM": "Somebody <else@carillon.test>"})
    after = leaders(lasting_stack)
    assert {name for name in PARTS if before[name] != after[name]} == {"front", "emulator"}
    config = json.loads(lasting_stack.layout.emulator_config.read_text())
    assert config["functions"]["deliver_email"]["environment"]["EMAIL_FROM"] == "Somebody <else@carillon.test>"


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_run_shows_both_channels_and_removes_everything_when_it_is_ended(
    own_stack: Stack, ending: signal.Signals
) -> None:
    with begin("run", own_stack) as process:
        seen = read_until(process, "Following the logs")
        started = leaders(own_stack)
        process.send_signal(ending)
        rest, _ = process.communicate(timeout=60)
    assert seen.count(": sent\n") == 2, seen
    assert process.returncode == 0, rest
    assert alive(started) == {}
    assert left_over(own_stack.layout.root) == []


def test_a_run_that_is_ended_while_it_starts_removes_everything_too(own_stack: Stack) -> None:
    with begin("run", own_stack) as process:
        read_until(process, "PostgreSQL")
        started = leaders(own_stack)
        process.send_signal(signal.SIGHUP)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert alive(started) == {}
    assert left_over(own_stack.layout.root) == []


def test_what_a_killed_launcher_started_is_taken_over_by_up_and_removed_by_down(own_stack: Stack) -> None:
    with begin("run", own_stack) as process:
        read_until(process, "Valkey")
        process.kill()
        process.communicate(timeout=60)
    early = alive(leaders(own_stack))
    assert "valkey" in early
    run("up", own_stack)
    started = leaders(own_stack)
    assert alive(started).keys() == set(PARTS)
    assert started["valkey"] == early["valkey"]
    run("down", own_stack)
    assert alive(started) == {}
    assert left_over(own_stack.layout.root) == []
    run("down", own_stack)


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    """Return what a command prints up to the line with these words."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"ended without saying {words!r}:\n{seen}")


def left_over(root: Path) -> list[str]:
    """Return what is left of a stack, but for the mark of the test session that owns the folder."""
    return [file.name for file in root.rglob("*") if file.name != "owner"] if root.exists() else []
