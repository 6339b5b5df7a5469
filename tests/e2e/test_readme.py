"""The README keeps its word: its walk with curl arrives, and each of its commands is executed by a test."""

import ast
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from offline.stack.layout import REPOSITORY
from offline.stack.stack import Stack
from tests.e2e.api import Client, succeeded
from tests.e2e.test_stack_commands import begin, read_until, run

README = (REPOSITORY / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
COMMANDS = "tests/e2e/test_stack_commands.py"
HERE = "tests/e2e/test_readme.py"
CHAOS = "tests/chaos/test_short_profile.py"
CLOUD = "tests/localstack/test_commands.py"
AWS = "tests/integration/test_deploy_commands.py"
PACKAGE = "tests/packaging/test_package.py"
CI = ".ci/run"

# Which recipe each command of the README stands for, and who executes it.
EXECUTED_BY = {
    "run": ("offline.stack run", COMMANDS, "test_run_shows_both_channels_and_removes_everything_when_it_is_ended"),
    "up": ("offline.stack up", COMMANDS, "test_up_tells_where_everything_is_and_a_second_one_changes_nothing"),
    "down": (
        "offline.stack down",
        COMMANDS,
        "test_what_a_killed_launcher_started_is_taken_over_by_up_and_removed_by_down",
    ),
    "demo": ("offline.stack demo", HERE, "test_demo_sends_through_both_channels"),
    "status": ("offline.stack status", COMMANDS, "test_up_tells_where_everything_is_and_a_second_one_changes_nothing"),
    "logs": ("offline.stack logs", HERE, "test_logs_are_followed_until_ctrl_c"),
    "admin": (
        "offline.stack admin",
        COMMANDS,
        "test_an_administrator_is_made_once_with_a_password_that_lets_them_in",
    ),
    "openapi": ("chalicelib.handlers.openapi", HERE, "test_openapi_writes_what_is_committed"),
    "bench": ("benchmarks.accept", HERE, "test_bench_ends_in_a_table"),
    "chaos": ("-m tests.chaos", CHAOS, "test_the_short_profile_keeps_every_promise"),
    "localstack": (
        "offline.cloud up",
        CLOUD,
        "test_it_deploys_repairs_what_died_applies_what_changed_and_leaves_nothing",
    ),
    "localstack-down": (
        "offline.cloud down",
        CLOUD,
        "test_it_deploys_repairs_what_died_applies_what_changed_and_leaves_nothing",
    ),
    "package": (
        "infra.build.package",
        PACKAGE,
        "test_make_package_builds_what_fits_into_lambda_and_tells_its_figures",
    ),
    # as far as a machine without an account goes; their steps run in tests/localstack
    "deploy": ("infra deploy", AWS, "test_a_deployment_without_credentials_says_so_and_which_command_goes_on"),
    "rollback": ("infra rollback", AWS, "test_a_rollback_without_a_release_says_how_to_name_one"),
    "destroy": ("infra destroy", AWS, "test_nothing_is_destroyed_before_the_stage_was_named_twice"),
    "check": ("-m pytest -q tests/structure", CI, "make check"),
    "test": ("-m pytest", CI, "make test"),
}


def test_the_walk_ends_with_a_mail_in_the_language_of_its_reader(stack: Stack, client: Client, tmp_path: Path) -> None:
    (tmp_path / ".local").mkdir()
    shutil.copy(stack.layout.stack_env, tmp_path / ".local" / "stack.env")
    walk = ["bash", "-eu", "-c", "\n".join(BLOCKS)]
    done = subprocess.run(
        walk,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    (mail,) = httpx.get(f"{stack.addresses['MAIL_URL']}/messages", params={"to": "aline@example.com"}).json()
    assert mail["subject"] == "Bienvenue, Aline", done.stdout
    (person,) = succeeded(client.call("GET /v1/users?email=aline@example.com"))["items"]
    preferences = succeeded(client.call(f"GET /v1/users/{person['id']}/preferences"))
    assert preferences["quiet_hours"] == {"start": "22:00", "end": "07:00"}
    assert preferences["categories"] == {"marketing": {"email": False}}


def test_the_pages_that_the_walk_names_are_there(stack: Stack) -> None:
    address = stack.addresses["API_URL"]
    page = httpx.get(f"{address}/docs")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    loaded = re.findall(r'(?:src|href)="([^":]+)"', page.text)
    assert set(loaded) == {"docs/swagger-ui.css", "docs/swagger-ui-bundle.js", "docs/start.js", "openapi.json"}
    assert [httpx.get(f"{address}/{path}").status_code for path in loaded] == [200] * len(loaded)
    assert httpx.get(f"{address}/openapi.json").json()["openapi"].startswith("3.1.")


def test_every_command_of_the_readme_is_executed_by_a_test() -> None:
    assert set(re.findall(r"(?:`|\$ |=\S+ )make ([a-z-]+)", README)) == set(EXECUTED_BY)


@pytest.mark.parametrize("target", EXECUTED_BY)
def test_a_command_is_a_target_whose_recipe_a_test_executes(target: str) -> None:
    recipe, file, name = EXECUTED_BY[target]
    assert recipe in _recipe(target)
    text = (REPOSITORY / file).read_text("utf-8")
    if file == CI:
        assert name in text.splitlines()
    else:
        assert name in {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}


def test_demo_sends_through_both_channels(stack: Stack) -> None:
    assert run("demo", stack).count(": sent\n") == 2


def test_logs_are_followed_until_ctrl_c(stack: Stack) -> None:
    with begin("logs", stack) as process:
        read_until(process, "front")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode is not None


def test_openapi_writes_what_is_committed() -> None:
    committed = REPOSITORY / "chalicelib" / "openapi.json"
    before = committed.read_bytes()
    for options in (["--check"], []):
        command = [sys.executable, "-m", "chalicelib.handlers.openapi", *options]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
    assert committed.read_bytes() == before


def test_bench_ends_in_a_table(stack: Stack, tmp_path: Path) -> None:
    """It reads and writes the folder beside its own: a copy of it, with fewer rounds, measures this stack."""
    bench = shutil.copytree(REPOSITORY / "benchmarks", tmp_path / "benchmarks") / "accept.py"
    bench.write_text(re.sub(r"^ROUNDS = \d+$", "ROUNDS = 20", bench.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    (tmp_path / ".local").mkdir()
    shutil.copy(stack.layout.stack_env, tmp_path / ".local" / "stack.env")
    command = [sys.executable, "-m", "benchmarks.accept"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "p99" in done.stdout
    assert (tmp_path / ".local" / "bench.json").is_file()


def _recipe(target: str) -> str:
    """What make would do, without doing it."""
    command = ["make", "-n", target]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
