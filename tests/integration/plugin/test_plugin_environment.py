"""An execution environment without LocalStack around it: real processes of Lambda's runtime client."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from carillon_localstack.environment import Environment, Outcome, Request
from carillon_localstack.runtime import FunctionSpec
from tests.integration.emulator.workbench import HANDLERS_FOLDER, Journal, eventually, exists

# Events and results are free JSON.
Json = Any
Open = Callable[..., Environment]

_CODE = """
import json, os, sys, time

def handle(event, context):
    if event == "deep":
        handle_deeper(0)
    if event == "large":
        return "x" * 7_000_000
    if event == "sleep":
        time.sleep(60)
    if event == "leave":
        os.kill(os.getpid(), 9)
    print("line of", event)
    return {"pid": os.getpid(), "remaining_ms": context.get_remaining_time_in_millis(), "environ": dict(os.environ)}

def handle_deeper(depth):
    handle_deeper(depth + 1)
"""


@pytest.fixture
def open_environment(interpreter: Path, tmp_path: Path) -> Iterator[Open]:
    """Environments of a module with this source, which end with the test."""
    with ExitStack() as stack:

        def open_one(
            source: str = _CODE, *, handler: str = "code.handle", timeout_s: int = 20, **more: str
        ) -> Environment:
            tmp_path.joinpath("code.py").write_text(source)
            spec = FunctionSpec(
                name="function",
                version="$LATEST",
                handler=handler,
                timeout_s=timeout_s,
                memory_mb=128,
                interpreter=interpreter,
                code=tmp_path,
                variables={"PATH": "/usr/bin:/bin", **more},
            )
            environment = Environment(spec)
            stack.callback(environment.kill)
            environment.await_init()
            return environment

        yield open_one


def _invoke(environment: Environment, event: Json = None) -> Outcome:
    return environment.invoke(Request("request-1", "arn:of:function", json.dumps(event).encode()))


def _result(environment: Environment, event: Json = None) -> Json:
    outcome = _invoke(environment, event)
    assert not outcome.is_error, outcome
    return json.loads(outcome.payload)


def _error(environment: Environment, event: Json = None) -> Json:
    outcome = _invoke(environment, event)
    assert outcome.is_error, outcome
    return json.loads(outcome.payload)


def test_one_process_answers_one_invocation_after_another(open_environment: Open) -> None:
    environment = open_environment()
    first, second = _result(environment, 1), _result(environment, 2)
    assert first["pid"] == second["pid"]
    assert 15_000 < first["remaining_ms"] <= 20_000


def test_the_lines_of_an_invocation_are_its_own(open_environment: Open) -> None:
    environment = open_environment()
    first, second = _invoke(environment, "first"), _invoke(environment, "second")
    assert "line of first\n" in first.logs
    assert "Init Duration" in first.logs
    assert "line of second\n" in second.logs
    assert "first" not in second.logs
    assert "Init Duration" not in second.logs


def test_a_process_sees_what_it_is_given_and_nothing_else(open_environment: Open) -> None:
    environ = _result(open_environment(GIVEN="yes"))["environ"]
    assert environ.pop("GIVEN") == "yes"
    assert set(environ) <= {"PATH", "AWS_LAMBDA_RUNTIME_API", "LC_CTYPE"}


def test_nothing_runs_between_invocations(open_environment: Open) -> None:
    environment = open_environment((HANDLERS_FOLDER / "handlers.py").read_text(), handler="code.beat")
    _result(environment)
    frozen_s = 0.4
    threading.Event().wait(frozen_s)
    assert eventually(lambda: bool(_result(environment) >= frozen_s * 0.9))


def test_a_traceback_of_a_thousand_frames_is_still_an_error_of_the_handler(open_environment: Open) -> None:
    environment = open_environment()
    assert _error(environment, "deep")["errorType"] == "RecursionError"
    assert _result(environment)["pid"]


def test_a_result_above_the_payload_limit_is_an_error_and_the_next_invocation_succeeds(open_environment: Open) -> None:
    environment = open_environment()
    assert _error(environment, "large")["errorType"] == "Function.ResponseSizeTooLarge"
    assert _result(environment)["pid"]


def test_a_killed_process_is_told_by_its_signal(open_environment: Open) -> None:
    environment = open_environment()
    error = _error(environment, "leave")
    assert (error["errorType"], error["errorMessage"]) == (
        "Runtime.ExitError",
        "RequestId: request-1 Error: Runtime exited with error: signal: killed",
    )
    assert _result(environment)["pid"]


def test_a_timeout_kills_what_the_function_has_started_too(open_environment: Open, journal: Journal) -> None:
    source = (HANDLERS_FOLDER / "handlers.py").read_text() + "\ndef both(event, context):\n"
    source += "    return [forks(event, context), obey(event, context)]\n"
    environment = open_environment(source, handler="code.both", timeout_s=1, JOURNAL=str(journal.path))
    outcomes: list[Json] = []
    caller = threading.Thread(target=lambda: outcomes.append(_error(environment)))
    caller.start()
    pid = journal.next().pid
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    caller.join()
    assert [outcome["errorType"] for outcome in outcomes] == ["Sandbox.Timedout"]
    assert children
    assert eventually(lambda: not any(exists(one) for one in [pid, *children]))


@pytest.mark.parametrize(
    ("source", "error_type"),
    [
        ("import not_there", "Runtime.ImportModuleError"),
        ("def handle(:", "Runtime.UserCodeSyntaxError"),
        ("raise ValueError('at import')", "ValueError"),
        ("import sys; sys.exit(4)", "Runtime.ExitError"),
    ],
)
def test_a_module_that_cannot_be_imported_fails_every_invocation(
    open_environment: Open, source: str, error_type: str
) -> None:
    environment = open_environment(source)
    assert _error(environment)["errorType"] == error_type
    assert _error(environment)["errorType"] == error_type


def test_draining_waits_for_the_invocation_under_way(open_environment: Open, journal: Journal) -> None:
    handlers = (HANDLERS_FOLDER / "handlers.py").read_text()
    environment = open_environment(handlers, handler="code.obey", JOURNAL=str(journal.path))
    results: list[Json] = []
    caller = threading.Thread(target=lambda: results.append(_result(environment)))
    caller.start()
    visit = journal.next()
    draining = threading.Thread(target=environment.drain)
    draining.start()
    visit.succeed("finished")
    caller.join()
    draining.join()
    assert results == ["finished"]
    assert not exists(visit.pid)


def test_killing_fails_the_invocation_under_way(open_environment: Open, journal: Journal) -> None:
    handlers = (HANDLERS_FOLDER / "handlers.py").read_text()
    environment = open_environment(handlers, handler="code.obey", JOURNAL=str(journal.path))
    errors: list[Json] = []
    caller = threading.Thread(target=lambda: errors.append(_error(environment)))
    caller.start()
    visit = journal.next()
    environment.kill()
    caller.join()
    assert [error["errorType"] for error in errors] == ["Runtime.ExitError"]
    assert not exists(visit.pid)


def test_no_process_outlives_a_killed_localstack(interpreter: Path, tmp_path: Path) -> None:
    tmp_path.joinpath("code.py").write_text(_CODE)
    holder = f"""
import sys, threading
sys.path.insert(0, {str(Path(__file__).parents[3] / "localstack" / "plugin")!r})
from pathlib import Path
from carillon_localstack.environment import Environment, Request
from carillon_localstack.runtime import FunctionSpec
environment = Environment(FunctionSpec(name="f", version="1", handler="code.handle", timeout_s=60, memory_mb=128,
    interpreter=Path({str(interpreter)!r}), code=Path({str(tmp_path)!r}), variables={{}}))
print(environment.invoke(Request("r", "arn", b"1")).payload.decode(), flush=True)
environment.invoke(Request("r", "arn", b'"sleep"'))
"""
    with subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE, text=True) as localstack:
        assert localstack.stdout is not None
        pid = json.loads(localstack.stdout.readline())["pid"]
        assert exists(pid)
        os.kill(localstack.pid, signal.SIGKILL)
    assert eventually(lambda: not exists(pid))
