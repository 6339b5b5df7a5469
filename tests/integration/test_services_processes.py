"""Processes on record: found after any crash, ended with all that came from them, never mistaken."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from offline.services import kernel
from offline.services.processes import Command, Processes

SLEEPER = "import signal, time; print('ready', flush=True); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
RUNAWAY = (
    "import subprocess, sys, signal\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'], start_new_session=True)\n"
    "print('ready', child.pid, flush=True)\n"
    "signal.pause()\n"
)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    table = Processes(records=tmp_path / "processes", logs=tmp_path / "logs", mark=tmp_path.name)
    yield table
    for name in table.names():
        table.stop(name, patience_s=0)


def start(processes: Processes, name: str, code: str) -> str:
    """Start a script; return its first line once it has printed it."""
    environment = {"PATH": os.defpath}
    processes.start(name, Command(argv=[sys.executable, "-c", code], environment=environment, folder=Path("/")))
    log = processes.log(name)
    while not log.read_text().endswith("\n"):
        os.sched_yield()
    return log.read_text()


def test_a_started_process_is_found_by_another_launcher(processes: Processes, tmp_path: Path) -> None:
    start(processes, "server", SLEEPER)
    other = Processes(records=tmp_path / "processes", logs=tmp_path / "logs", mark=tmp_path.name)
    assert other.find("server") == processes.find("server")
    assert other.pids("server") == processes.pids("server")


def test_a_stopped_process_is_gone_and_off_record(processes: Processes) -> None:
    start(processes, "server", SLEEPER)
    [pid] = processes.pids("server")
    processes.stop("server", patience_s=10)
    assert kernel.look(pid) is None
    assert processes.names() == []


def test_what_ignores_the_request_is_killed(processes: Processes) -> None:
    start(processes, "server", STUBBORN)
    [pid] = processes.pids("server")
    processes.stop("server", patience_s=0.2)
    assert kernel.look(pid) is None


def test_a_frozen_process_is_ended_too(processes: Processes) -> None:
    start(processes, "server", SLEEPER)
    [pid] = processes.pids("server")
    os.kill(pid, signal.SIGSTOP)
    processes.stop("server", patience_s=10)
    assert kernel.look(pid) is None


def test_a_child_in_a_session_of_its_own_is_ended_with_its_parent(processes: Processes) -> None:
    child = int(start(processes, "server", RUNAWAY).split()[1])
    assert child in processes.pids("server")
    processes.stop("server", patience_s=0)
    assert kernel.look(child) is None


def test_an_orphan_is_found_by_its_mark_after_its_parent_crashed(processes: Processes) -> None:
    child = int(start(processes, "server", RUNAWAY).split()[1])
    os.kill(processes.pids("server")[0], signal.SIGKILL)
    while processes.find("server") is not None:
        os.sched_yield()
    assert processes.pids("server") == [child]
    processes.stop_strays()
    assert kernel.look(child) is None


def test_a_name_that_begins_like_another_is_another(processes: Processes) -> None:
    start(processes, "server", SLEEPER)
    start(processes, "server-two", SLEEPER)
    processes.kill("server")
    assert processes.find("server") is None
    assert processes.find("server-two") is not None


def test_a_process_that_got_the_same_id_is_never_touched(processes: Processes, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE) as innocent:
        record = {"name": "server", "pid": innocent.pid, "started": "another boot:1", "fingerprint": ""}
        (tmp_path / "processes").mkdir()
        (tmp_path / "processes/server.json").write_text(json.dumps(record))
        processes.kill("server")
        processes.stop("server", patience_s=1)
        assert innocent.poll() is None
        innocent.kill()
