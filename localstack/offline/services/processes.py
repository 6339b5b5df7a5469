"""Long-running processes: each in a session of its own, on record before it runs, and ended by that record.

A record is a file: whoever starts, repairs or ends a stack later, after whatever crash, finds every process again and
never touches one that merely got the same id.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from offline.services import kernel
from offline.services.files import write_private
from offline.services.kernel import Running

# Every process carries its stack and its name in its environment, and so does whatever it starts: also what left its
# session, its parent and its group behind can be found.
MARK = "CARILLON_PROCESS"
# The child waits for a word from its launcher, which comes after the record is written. A launcher that dies in between
# closes the pipe, and the child ends: nothing ever runs without a record.
_GATE = 'read -r go || exit 1; exec "$@" </dev/null'
_POLL_S = 0.02
_KILL_DEADLINE_S = 10.0
# What forks while it is being killed is found in the next round.
_KILL_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Record:
    """One started process. `fingerprint` tells what it was started with, so that a change can be seen."""

    name: str
    pid: int
    started: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. `user` is a numeric user id to run as (root only)."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    user: int | None = None


class Processes:
    """The processes of one stack, by name. Not for two launchers at a time: they take the stack's lock first."""

    def __init__(self, *, records: Path, logs: Path, mark: str) -> None:
        self._records = records
        self._logs = logs
        self._mark = mark
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, command: Command, *, fingerprint: str = "") -> Record:
        """Start a process under a name that has none running; its output is appended to logs/NAME.log."""
        self._records.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.log(name).open("ab") as log:
            child = subprocess.Popen(
                ["/bin/sh", "-c", _GATE, "sh", *command.argv],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=command.folder,
                env={**command.environment, **self.mark_of(name)},
                start_new_session=True,
                user=command.user,
                group=command.user,
                extra_groups=None if command.user is None else [],
            )
        self._children.append(child)
        record = Record(name, child.pid, _started(child.pid), fingerprint)
        write_private(self._file(name), json.dumps(asdict(record)))
        assert child.stdin is not None  # noqa: S101 - it was asked for as a pipe
        with contextlib.suppress(BrokenPipeError), child.stdin as gate:
            gate.write(b"go\n")
        return record

    def log(self, name: str) -> Path:
        """Return where the process's output goes."""
        return self._logs / f"{name}.log"

    def mark_of(self, name: str) -> dict[str, str]:
        """Return what a short-lived process carries in its environment to be ended with the one of this name."""
        return {MARK: f"{self._mark}/{name}"}

    def find(self, name: str) -> Record | None:
        """Return the record of the process that runs under this name, None when none does."""
        record = self._recorded(name)
        if record is None:
            return None
        process = kernel.look(record.pid)
        return record if process is not None and process.started == record.started else None

    def names(self) -> list[str]:
        """Return every name on record, running or not."""
        return sorted(file.stem for file in self._records.glob("*.json"))

    def pids(self, name: str) -> list[int]:
        """Return the ids of a process and of all that came from it, the process itself first."""
        return [process.pid for process in self._family(name)]

    def stop(self, name: str, *, patience_s: float) -> None:
        """End a process: asked first, killed with all that came from it when the patience is over. Repeatable."""
        record = self.find(name)
        family = self._family(name)
        if record is not None and patience_s > 0:
            _send(record.pid, signal.SIGTERM)
            _send(record.pid, signal.SIGCONT)
            self._wait_until_gone(family[:1], patience_s)
        self._end(family)
        self.kill(name)
        self._file(name).unlink(missing_ok=True)

    def kill(self, name: str) -> None:
        """Kill a process and all that came from it at once; its record stays, as after a crash."""
        for _ in range(_KILL_ROUNDS):
            family = self._family(name)
            if not family:
                return
            self._end(family)

    def stop_strays(self) -> None:
        """Kill whatever still carries this stack's mark, under any name."""
        self._end(self._marked(f"{self._mark}/", kernel.everything()))

    def _reap(self) -> None:
        """Take note of the ends of our own children; the others' are their parents' to note."""
        for child in self._children:
            child.poll()

    def _family(self, name: str) -> list[Running]:
        self._reap()
        among = kernel.everything()
        family = self._marked(f"{self._mark}/{name}\0", among)
        record = self.find(name)
        if record is not None:
            first = [process for process in among if process.pid == record.pid]
            grouped = [process for process in among if process.group == record.pid]
            family = [*first, *grouped, *kernel.descendants(record.pid, among), *family]
        return list(dict.fromkeys(family))

    def _marked(self, mark: str, among: Sequence[Running]) -> list[Running]:
        wanted = f"{MARK}={mark}".encode()
        return [process for process in among if wanted in kernel.environment_of(process.pid) + b"\0"]

    def _end(self, family: Sequence[Running]) -> None:
        for process in family:
            if kernel.is_same(process) and process.pid != os.getpid():
                _send(process.pid, signal.SIGKILL)
        self._wait_until_gone(family, _KILL_DEADLINE_S)

    def _wait_until_gone(self, family: Sequence[Running], deadline_s: float) -> None:
        ends_at = time.monotonic() + deadline_s
        while time.monotonic() < ends_at:
            self._reap()
            if not any(kernel.is_same(process) for process in family):
                return
            time.sleep(_POLL_S)

    def _recorded(self, name: str) -> Record | None:
        try:
            return Record(**json.loads(self._file(name).read_text()))
        except FileNotFoundError:
            return None

    def _file(self, name: str) -> Path:
        return self._records / f"{name}.json"


def _started(pid: int) -> str:
    process = kernel.look(pid)
    return "" if process is None else process.started


def _send(pid: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, what)
