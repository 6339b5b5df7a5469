"""What the kernel knows about running processes. A zombie counts as gone when its threads are: then its ports are free.

A process id alone names nothing: it is reused. With its start time, and the boot that belongs to, it names one process.
"""

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_ZOMBIE = ("Z", "X")


@dataclass(frozen=True, slots=True)
class Running:
    """One process as the kernel shows it."""

    pid: int
    parent: int
    group: int
    state: str
    started: str


def look(pid: int) -> Running | None:
    """Return the process with this id, None when there is none (any more)."""
    if not _PROC.joinpath("self/stat").exists():
        return next((process for process in _listed(["-p", str(pid)])), None)
    try:
        stat = _PROC.joinpath(str(pid), "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return _parsed(pid, stat)


def is_same(process: Running) -> bool:
    """Say whether a process seen before still runs."""
    now = look(process.pid)
    return now is not None and now.started == process.started


def everything() -> list[Running]:
    """Return every process that can be seen."""
    if not _PROC.joinpath("self/stat").exists():
        return _listed(["-A"])
    pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal())
    return [process for process in map(look, pids) if process is not None]


def descendants(pid: int, among: Iterable[Running]) -> list[Running]:
    """Return the children of a process and theirs, whatever sessions they made for themselves."""
    children: dict[int, list[Running]] = {}
    for process in among:
        children.setdefault(process.parent, []).append(process)
    found: list[Running] = []
    waiting = [pid]
    while waiting:
        born = children.get(waiting.pop(), [])
        found += born
        waiting += [process.pid for process in born]
    return found


def working_in(folder: Path) -> list[Running]:
    """Return the processes whose working folder is this one."""
    return [process for process in everything() if _working_folder(process.pid) == folder]


def environment_of(pid: int) -> bytes:
    """Return the environment a process was started with, as NUL-separated bytes; empty where it cannot be read."""
    try:
        return _PROC.joinpath(str(pid), "environ").read_bytes()
    except OSError:
        return b""


def _working_folder(pid: int) -> Path | None:
    try:
        return _PROC.joinpath(str(pid), "cwd").readlink()
    except OSError:
        return None


def _parsed(pid: int, stat: str) -> Running | None:
    """Read one /proc/PID/stat (proc(5)). The name in brackets may hold anything: fields count from the last bracket."""
    fields = stat.rpartition(")")[2].split()
    state, parent, group, threads, started = fields[0], int(fields[1]), int(fields[2]), int(fields[17]), fields[19]
    if state in _ZOMBIE and threads <= 1:
        return None
    return Running(pid=pid, parent=parent, group=group, state=state, started=f"{_boot()}:{started}")


def _boot() -> str:
    try:
        return _PROC.joinpath("sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "boot"


def _listed(selection: list[str]) -> list[Running]:
    """Ask ps(1) where there is no /proc."""
    columns = ["-o", "pid=", "-o", "ppid=", "-o", "pgid=", "-o", "stat=", "-o", "lstart="]
    answer = subprocess.run(
        ["/bin/ps", *selection, *columns],
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
        env={**os.environ, "LC_ALL": "C"},
    )
    rows = (line.split(None, 4) for line in answer.stdout.splitlines())
    return [
        Running(pid=int(pid), parent=int(parent), group=int(group), state=state[0], started=started.strip())
        for pid, parent, group, state, started in rows
        if not state.startswith(_ZOMBIE)
    ]
