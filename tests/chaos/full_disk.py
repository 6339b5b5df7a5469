"""The disk of the stack's own PostgreSQL is full, while the machine's is not.

Where the machine lets us mount one, and the server's user can reach the binaries, the data lie on a small file system
of their own, which a ballast file fills to the brim: new pages fail with 53100 (disk_full), and reads go on. Elsewhere
no file may be written beyond a small size: PostgreSQL then panics, fails at its recovery, and is started again when the
limit is lifted.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from offline.services.binaries import find_postgresql
from offline.services.errors import ServerMissing
from offline.services.file_size_limit import lift, limit
from offline.services.files import passable
from offline.services.plan import load_plan, new_plan, save_plan
from offline.services.postgresql import PostgreSQL, place_of, release_shared_memory
from offline.services.processes import Processes
from offline.services.small_disk import DISK, SmallDisk, can_make, mount
from offline.stack.plan import load_or_make
from offline.stack.stack import Stack
from tests.chaos.fault import World

SIZE_BYTES = 768 * 1024 * 1024
# The log of a long load would fill the disk before the fault does.
SETTINGS = "min_wal_size = 32MB\nmax_wal_size = 128MB\n"


class Room(Protocol):
    """What there is left to write for a server."""

    @property
    def how(self) -> str:
        """For people: what is full."""
        ...

    def fill(self) -> None: ...

    def empty(self) -> None: ...


@dataclass(frozen=True, slots=True)
class OwnDisk:
    """A file system of its own."""

    disk: SmallDisk
    how: str = "a file system of its own, filled to the brim"

    def fill(self) -> None:
        self.disk.fill()

    def empty(self) -> None:
        self.disk.empty()


@dataclass(frozen=True, slots=True)
class LimitedFiles:
    """The machine's disk, of which no file may grow."""

    stack: Stack
    how: str = "a limit on the size of its files, for no file system could be mounted"

    def fill(self) -> None:
        limit(self._pids()[:1], user=_user())  # what it starts from now on inherits it; the rest is there already
        limit(self._pids(), user=_user())

    def empty(self) -> None:
        lift(self._pids(), user=_user())

    def _pids(self) -> Sequence[int]:
        return self.stack.pids(PostgreSQL.name)


@dataclass(frozen=True, slots=True)
class FullDisk:
    """PostgreSQL can write nothing more for `for_s`; afterwards it is healthy, started again if it had to give up."""

    for_s: float
    kind: str = "full disk"
    target: str = PostgreSQL.name

    def begin(self, world: World) -> datetime | None:
        room = room_of(world.stack)
        world.say(f"the disk of {self.target}: {room.how}")
        room.fill()
        return None

    def end(self, world: World) -> None:
        room_of(world.stack).empty()
        world.stack.start(self.target)


@contextlib.contextmanager
def small_disk(stack: Stack) -> Iterator[None]:
    """Have the PostgreSQL of a stack that is not up yet on a small file system, where one can be mounted.

    At the end of the block that PostgreSQL is killed, and its data are gone with their file system.
    """
    binaries = find_postgresql()
    if binaries is None or not _can_run_from_it(binaries) or not can_make():
        yield
        return
    layout = stack.layout
    mark = load_or_make(layout.plan, prefer_defaults=False).mark
    processes = Processes(records=layout.processes, logs=layout.logs, mark=mark)
    disk = mount(processes, size_bytes=SIZE_BYTES)
    try:
        _settle(stack, PostgreSQL(binaries, mark=processes.mark_of(PostgreSQL.name)), disk)
        yield
    finally:
        stack.kill(PostgreSQL.name)
        release_shared_memory(disk.folder / PostgreSQL.name)
        processes.stop(DISK, patience_s=0)


def _can_run_from_it(binaries: Path) -> bool:
    """Binaries that must be copied beside the data find neither each other nor their libraries in another's mount."""
    return PostgreSQL.runs_as() is None or passable(binaries)


def _settle(stack: Stack, server: PostgreSQL, disk: SmallDisk) -> None:
    folder = _folder(stack)
    plan = new_plan("private", PostgreSQL.default_ports, prefer_defaults=False)
    plan = replace(plan, outside=str(disk.folder / PostgreSQL.name))
    save_plan(folder, plan)
    server.prepare(plan, folder)
    with (place_of(plan, folder) / "data/postgresql.conf").open("a") as configuration:
        configuration.write(SETTINGS)


def room_of(stack: Stack) -> Room:
    """Where the stack's PostgreSQL writes.

    Raises:
        ServerMissing: the stack has no private PostgreSQL.
    """
    plan = load_plan(_folder(stack))
    if plan is None or plan.source != "private":
        raise ServerMissing("only the disk of a private PostgreSQL can be full")
    if plan.outside is not None and plan.outside.startswith("/proc/"):
        return OwnDisk(SmallDisk(Path(plan.outside).parent))
    return LimitedFiles(stack)


def _folder(stack: Stack) -> Path:
    return stack.layout.services / PostgreSQL.name


def _user() -> int | None:
    return PostgreSQL.runs_as()
