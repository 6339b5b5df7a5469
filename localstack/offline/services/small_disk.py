"""A small file system of its own for one server's data, so that it can be full while the machine's disk is not.

It is a tmpfs in the mount namespace of one process that does nothing but hold it; everybody reaches it through
/proc/PID/root. The machine's own mounts do not change, and with the process all of it is gone, whatever crashed.
Making one takes root with the right to mount, or a user who may have namespaces: `can_make` tries.
"""

import contextlib
import os
import secrets
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from offline.services.errors import ServerFailed
from offline.services.postgresql import PostgreSQL
from offline.services.processes import Command, Processes

DISK = "small-disk"
_MOUNTED_AT = "tmp"
_PIECES_BYTES = (16 * 1024 * 1024, 1024 * 1024, 64 * 1024, 4096)
_READY_WITHIN_S = 5.0
_POLL_S = 0.02
# Arguments: size in bytes, folder to make, then the command that holds the mount.
_MOUNT = """
size=$1 made=/tmp/$2; shift 2
mount -t tmpfs -o "size=$size,mode=0711" tmpfs /tmp && mkdir -m 0711 "$made" || exit
test -z "$OWNER" || chown "$OWNER:$OWNER" "$made" || exit
exec "$@"
"""


def can_make() -> bool:
    """Say whether this machine lets us mount a file system of our own."""
    try:
        tried = subprocess.run(
            [*_namespaced(), "1048576", "x", "true"],
            env=_environment(), capture_output=True, check=False, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tried.returncode == 0


def mount(processes: Processes, *, size_bytes: int) -> "SmallDisk":
    """Make one, held by a process on record with these.

    Raises:
        ServerFailed: this machine does not allow it.
    """
    made = f"carillon-{secrets.token_hex(8)}"
    argv = [*_namespaced(), str(size_bytes), made, *_as_server("sleep", "infinity")]
    record = processes.start(DISK, Command(argv=argv, environment=_environment(), folder=Path("/")))
    folder = Path(f"/proc/{record.pid}/root/{_MOUNTED_AT}/{made}")
    ends_at = time.monotonic() + _READY_WITHIN_S
    while not _is_there(folder):
        if time.monotonic() > ends_at or processes.find(DISK) is None:
            processes.stop(DISK, patience_s=0)
            raise ServerFailed("no file system of its own can be mounted on this machine")
        time.sleep(_POLL_S)
    return SmallDisk(folder)


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """One small file system. `folder` lies on it, and belongs to the user that a private PostgreSQL runs as."""

    folder: Path

    def fill(self) -> None:
        """Take all that is free; what the server itself gives free afterwards is its own to use."""
        with self._ballast.open("ab") as ballast:
            for size_bytes in _PIECES_BYTES:
                # never all at once: what the server takes meanwhile would make it fail, and give everything back
                with contextlib.suppress(OSError):
                    while True:
                        os.posix_fallocate(ballast.fileno(), ballast.seek(0, os.SEEK_END), size_bytes)

    def empty(self) -> None:
        """Give back what `fill` took. Repeating it is harmless."""
        self._ballast.unlink(missing_ok=True)

    @property
    def free_bytes(self) -> int:
        """What is left."""
        told = os.statvfs(self.folder)
        return told.f_bavail * told.f_frsize

    @property
    def _ballast(self) -> Path:
        return self.folder.with_name("ballast")


def _namespaced() -> list[str]:
    """Root needs a namespace for mounts only: in a user namespace its files would have an unknown owner."""
    options = ["-m"] if os.geteuid() == 0 else ["-Urm"]
    return ["unshare", *options, "sh", "-c", _MOUNT, "sh"]


def _as_server(*command: str) -> list[str]:
    """Whoever reaches into /proc/PID/root needs to be the same user as that process."""
    user = PostgreSQL.runs_as()
    if user is None:
        return [*command]
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]


def _environment() -> dict[str, str]:
    user = PostgreSQL.runs_as()
    return {"PATH": f"{os.defpath}:/usr/sbin:/sbin", "OWNER": "" if user is None else str(user)}


def _is_there(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except PermissionError:
        return False
