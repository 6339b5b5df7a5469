"""Functions on LocalStack as processes: what an invocation answers in each case, its logs, updates, ends."""

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from offline.cloud.emulation import NAME
from offline.services.processes import Processes
from tests.integration.emulator.workbench import HANDLERS_FOLDER, Journal, eventually, exists
from tests.integration.plugin.account import ROLE_ARN, RUNTIME, Account, package

HANDLERS = (HANDLERS_FOLDER / "handlers.py").read_text()

CODE = """
import json, os, sys, time

print("imported")

def handle(event, context):
    print("asked for", event["do"])
    if event["do"] == "raise":
        raise ValueError("no")
    if event["do"] == "sleep":
        time.sleep(60)
    if event["do"] == "exit":
        os._exit(3)
    return {"pid": os.getpid(), "environ": dict(os.environ), "event": event, "arn": context.invoked_function_arn}
"""


@pytest.fixture(scope="session")
def function(account: Account) -> str:
    """A function that does what its event says, within two seconds."""
    return account.create_function(CODE, timeout_s=2, GREETING="hello")


def test_a_result_comes_with_its_logs(account: Account, function: str) -> None:
    answer = account.invoke(function, {"do": "tell"})
    assert (answer.error, answer.payload["event"]) == (None, {"do": "tell"})
    assert answer.payload["arn"].endswith(f":function:{function}")
    lines = answer.logs.splitlines()
    assert [line.partition(" ")[0] for line in lines if line[:3] in {"STA", "END", "REP"}] == ["START", "END", "REPORT"]
    assert "asked for tell" in lines


def test_a_function_sees_lambdas_variables_and_its_own_and_none_of_localstacks(account: Account, function: str) -> None:
    environ = account.invoke(function, {"do": "tell"}).payload["environ"]
    assert environ["GREETING"] == "hello"
    assert environ["AWS_LAMBDA_FUNCTION_NAME"] == function
    assert environ["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{account.port}"
    assert {"_HANDLER", "LAMBDA_TASK_ROOT", "AWS_ACCESS_KEY_ID", "AWS_REGION"} <= set(environ)
    assert not {"HOME", "FILESYSTEM_ROOT", "GATEWAY_LISTEN", "CARILLON_RABBITMQ_URL", "CARILLON_PROCESS"} & set(environ)
    assert not [name for name in environ if name.startswith("LOCALSTACK")]


def test_an_exception_is_an_unhandled_error(account: Account, function: str) -> None:
    answer = account.invoke(function, {"do": "raise"})
    assert (answer.error, answer.payload["errorType"], answer.payload["errorMessage"]) == (
        "Unhandled",
        "ValueError",
        "no",
    )


def test_a_function_that_takes_too_long_is_killed(account: Account, function: str) -> None:
    pid = account.invoke(function, {"do": "tell"}).payload["pid"]
    answer = account.invoke(function, {"do": "sleep"})
    assert answer.error == "Unhandled"
    assert answer.payload["errorType"] == "Sandbox.Timedout"
    assert "Task timed out after 2.00 seconds" in answer.payload["errorMessage"]
    assert not exists(pid)


def test_a_crash_is_told_and_the_next_invocation_has_a_new_process(account: Account, function: str) -> None:
    before = account.invoke(function, {"do": "tell"}).payload["pid"]
    answer = account.invoke(function, {"do": "exit"})
    assert answer.payload["errorType"] == "Runtime.ExitError"
    assert "exit status 3" in answer.payload["errorMessage"]
    assert account.invoke(function, {"do": "tell"}).payload["pid"] != before


def test_a_process_that_dies_idle_is_replaced(account: Account, function: str) -> None:
    pid = account.invoke(function, {"do": "tell"}).payload["pid"]
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not Path(f"/proc/{pid}").exists())  # also its parent has learnt of it
    answer = account.invoke(function, {"do": "tell"})
    assert (answer.error, answer.payload["pid"] == pid) == (None, False)


@pytest.mark.parametrize(
    ("source", "error_type"),
    [
        ("import not_there", "Runtime.ImportModuleError"),
        ("def handle(:", "Runtime.UserCodeSyntaxError"),
        ("x = 1", "Runtime.HandlerNotFound"),
    ],
)
def test_code_that_cannot_be_imported_says_why(account: Account, source: str, error_type: str) -> None:
    answer = account.invoke(account.create_function(source))
    assert (answer.error, answer.payload["errorType"]) == ("Unhandled", error_type)
    assert error_type in answer.logs


def test_a_function_for_another_python_fails_with_the_reason(account: Account) -> None:
    name = "function-of-another-time"
    account.functions.create_function(
        FunctionName=name, Runtime="python3.9", Role=ROLE_ARN, Handler="code.handle", Code={"ZipFile": package(CODE)}
    )
    assert eventually(lambda: account.function(name)["State"] == "Failed")
    assert f"CARILLON_RUNTIME_PYTHON is {RUNTIME}" in account.function(name)["StateReason"]


def test_an_asynchronous_invocation_is_carried_out_and_logged(account: Account, journal: Journal) -> None:
    name = account.create_function(HANDLERS, handler="code.obey", JOURNAL=str(journal.path))
    answer = account.functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps({"number": 5}))
    assert answer["StatusCode"] == 202
    visit = journal.next()
    assert visit.report["event"] == {"number": 5}
    visit.succeed()
    logs = account.client("logs")

    def is_logged() -> bool:
        groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"] if groups else []
        return any(event["message"].startswith("REPORT ") for event in events)

    assert eventually(is_logged)


def test_invocations_at_once_have_an_environment_each(account: Account, journal: Journal) -> None:
    name = account.create_function(HANDLERS, handler="code.obey", JOURNAL=str(journal.path))
    callers = [threading.Thread(target=account.invoke, args=(name, {"number": number})) for number in range(4)]
    for caller in callers:
        caller.start()
    visits = [journal.next() for _ in callers]
    assert len({visit.pid for visit in visits}) == len(callers)
    for visit in visits:
        visit.succeed()
    for caller in callers:
        caller.join()


def test_an_update_lets_what_runs_finish_on_the_old_code(account: Account, journal: Journal) -> None:
    lazy = HANDLERS.replace("order = json.loads", "open(__file__).close(); order = json.loads")
    assert lazy != HANDLERS
    name = account.create_function(lazy, handler="code.obey", JOURNAL=str(journal.path))
    answers: list[object] = []
    caller = threading.Thread(target=lambda: answers.append(account.invoke(name, {}).payload))
    caller.start()
    visit = journal.next()
    account.update_function(name, "def obey(event, context): return 'new'")
    assert account.invoke(name).payload == "new"
    visit.succeed("old")
    caller.join()
    assert answers == ["old"]
    assert eventually(lambda: not exists(visit.pid))


def test_localstack_listens_on_loopback_alone(account: Account, processes: Processes) -> None:
    record = processes.find(NAME)
    assert record is not None
    inodes = {
        target for fd in Path(f"/proc/{record.pid}/fd").iterdir() if (target := _target(fd)).startswith("socket:")
    }
    listening = [
        line.split()
        for table in ("tcp", "tcp6", "udp", "udp6")
        for line in Path(f"/proc/{record.pid}/net/{table}").read_text().splitlines()[1:]
    ]
    own = [row for row in listening if f"socket:[{row[9]}]" in inodes and row[3] in {"0A", "07"}]
    assert own
    assert {row[1].partition(":")[0] for row in own} == {"0100007F"}


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""
