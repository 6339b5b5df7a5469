"""An execution environment behaves as Lambda's: one process, frozen in between, killed when its time is over."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Protocol

import pytest

from offline.emulator.environment import Environment, EnvironmentState
from offline.emulator.errors import FunctionCrashed, FunctionError, FunctionTimeout
from tests.integration.emulator.workbench import HANDLERS_FOLDER, Journal, eventually, exists


class StartEnvironment(Protocol):
    """Starts an environment that ends with the test."""

    def __call__(
        self, handler: str, *, timeout_s: float = 10, environ: Mapping[str, str] | None = None
    ) -> Environment: ...


@pytest.fixture
def start() -> Iterator[StartEnvironment]:
    with ExitStack() as environments:

        def start_one(handler: str, *, timeout_s: float = 10, environ: Mapping[str, str] | None = None) -> Environment:
            return environments.enter_context(
                Environment(
                    handler=f"handlers.{handler}" if "." not in handler else handler,
                    timeout_s=timeout_s,
                    environ={"PYTHONPATH": str(HANDLERS_FOLDER), **(environ or {})},
                    function_name="under-test",
                )
            )

        yield start_one


def test_a_handler_gets_the_event_and_a_context_that_counts_down(start: StartEnvironment) -> None:
    answer = start("echo", timeout_s=7).invoke({"a": [1, "ü"]})
    assert answer["event"] == {"a": [1, "ü"]}
    assert 5_000 < answer["remaining_ms"] < 7_000
    assert answer["arn"] == "arn:aws:lambda:us-east-1:000000000000:function:under-test"


def test_a_function_sees_its_own_environment_and_not_its_parents(start: StartEnvironment) -> None:
    os.environ["SECRET_OF_THE_PARENT"] = "x"
    try:
        environ = start("echo", environ={"SETTING": "given"}).invoke(None)["environ"]
    finally:
        del os.environ["SECRET_OF_THE_PARENT"]
    assert environ["SETTING"] == "given"
    assert environ["AWS_LAMBDA_FUNCTION_NAME"] == "under-test"
    assert "SECRET_OF_THE_PARENT" not in environ


def test_the_process_is_kept_and_frozen_between_invocations(start: StartEnvironment) -> None:
    environment = start("ignore")
    pid = environment.pid
    environment.invoke(None)
    assert environment.state is EnvironmentState.FROZEN
    assert eventually(lambda: process_state(pid) == "T")
    environment.invoke(None)
    assert environment.pid == pid
    assert environment.invocations == 2


def test_a_stray_thread_does_not_run_between_invocations(start: StartEnvironment) -> None:
    environment = start("beat")
    environment.invoke(None)
    frozen_s = 0.4
    threading.Event().wait(frozen_s)
    assert eventually(lambda: environment.invoke(None) >= frozen_s * 0.9)


def test_an_exception_is_told_with_its_type_message_and_stack_and_the_process_stays(start: StartEnvironment) -> None:
    environment = start("raises")
    with pytest.raises(FunctionError, match="always fails") as caught:
        environment.invoke(None)
    assert caught.value.error_type == "ValueError"
    assert "handlers.py" in caught.value.stack_trace[0]
    assert environment.alive


def test_a_result_that_is_not_json_is_an_error_of_the_runtime(start: StartEnvironment) -> None:
    with pytest.raises(FunctionError) as caught:
        start("not_json").invoke(None)
    assert caught.value.error_type == "Runtime.MarshalError"


def test_a_module_that_cannot_be_imported_is_an_error_of_its_init(start: StartEnvironment) -> None:
    environment = start("broken_handlers.handler")
    with pytest.raises(FunctionError, match="SETTING is missing") as caught:
        environment.invoke(None)
    assert caught.value.during_init
    assert not environment.alive


def test_a_handler_that_is_not_there_is_an_error_of_its_init(start: StartEnvironment) -> None:
    with pytest.raises(FunctionError, match="nowhere"):
        start("nowhere").invoke(None)


def test_a_function_that_takes_too_long_is_killed(start: StartEnvironment, journal: Journal) -> None:
    environment = start("obey", timeout_s=0.3, environ=journal.environ)
    threading.Thread(target=lambda: journal.next().hang()).start()
    with pytest.raises(FunctionTimeout, match=r"timed out after 0\.30 seconds"):
        environment.invoke(None)
    assert not exists(environment.pid)


def test_time_goes_on_while_the_process_is_stopped_from_outside(start: StartEnvironment, journal: Journal) -> None:
    environment = start("obey", timeout_s=0.5, environ=journal.environ)
    threading.Thread(target=lambda: os.kill(journal.next().pid, signal.SIGSTOP)).start()
    with pytest.raises(FunctionTimeout):
        environment.invoke(None)
    assert not exists(environment.pid)


def test_an_invocation_goes_on_when_a_stopped_process_is_continued(start: StartEnvironment, journal: Journal) -> None:
    environment = start("obey", environ=journal.environ)

    def freeze_a_while() -> None:
        visit = journal.next()
        os.kill(visit.pid, signal.SIGSTOP)
        visit.succeed("late")
        os.kill(visit.pid, signal.SIGCONT)

    threading.Thread(target=freeze_a_while).start()
    assert environment.invoke(None) == "late"


def test_a_killed_process_is_a_crash_with_its_signal(start: StartEnvironment, journal: Journal) -> None:
    environment = start("obey", environ=journal.environ)
    threading.Thread(target=lambda: os.kill(journal.next().pid, signal.SIGKILL)).start()
    with pytest.raises(FunctionCrashed, match="signal: 9") as caught:
        environment.invoke(None)
    assert caught.value.exit_code == -signal.SIGKILL


def test_a_process_that_exits_is_a_crash_with_its_status(start: StartEnvironment, journal: Journal) -> None:
    environment = start("obey", environ=journal.environ)
    threading.Thread(target=lambda: journal.next().exit(3)).start()
    with pytest.raises(FunctionCrashed, match="exit status 3"):
        environment.invoke(None)


def test_closing_ends_an_invocation_under_way(start: StartEnvironment, journal: Journal) -> None:
    environment = start("obey", environ=journal.environ)

    def close_meanwhile() -> None:
        journal.next()
        environment.close()

    threading.Thread(target=close_meanwhile).start()
    with pytest.raises(FunctionCrashed):
        environment.invoke(None)


def test_processes_that_a_function_started_end_with_it(start: StartEnvironment) -> None:
    environment = start("forks")
    grandchild = environment.invoke(None)
    assert exists(grandchild)
    environment.close()
    assert eventually(lambda: not exists(grandchild))


def test_a_large_event_and_a_large_answer_pass(start: StartEnvironment) -> None:
    large = "x" * 6_000_000
    assert start("echo").invoke(large)["event"] == large


def test_a_frozen_process_does_not_outlive_a_killed_parent() -> None:
    program = (
        "import sys, time\n"
        "from offline.emulator.environment import Environment\n"
        "one = Environment(handler='handlers.ignore', timeout_s=5, environ={'PYTHONPATH': sys.argv[1]})\n"
        "one.invoke(None)\n"
        "print(one.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(HANDLERS_FOLDER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as parent:
        assert parent.stdout is not None
        child_pid = int(parent.stdout.readline())
        assert eventually(lambda: process_state(child_pid) == "T")
        parent.kill()
    assert eventually(lambda: not exists(child_pid))


def test_an_environment_lives_on_when_the_thread_that_started_it_ends() -> None:
    started: list[Environment] = []
    thread = threading.Thread(
        target=lambda: started.append(
            Environment(handler="handlers.ignore", timeout_s=5, environ={"PYTHONPATH": str(HANDLERS_FOLDER)})
        )
    )
    thread.start()
    thread.join()
    with started[0] as environment:
        environment.invoke(None)
        environment.invoke(None)


def test_a_warm_invocation_costs_little(start: StartEnvironment) -> None:
    environment = start("ignore")
    environment.invoke(None)
    began_s = time.perf_counter()
    for _ in range(50):
        environment.invoke(None)
    assert (time.perf_counter() - began_s) / 50 < 0.02


def process_state(pid: int) -> str:
    """The kernel's letter for it: T is stopped."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123 - one line of the kernel's
        return stat.read().rpartition(")")[2].split()[0]
