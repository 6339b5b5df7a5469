"""A private PostgreSQL: passwords checked with SCRAM, TCP on loopback only, never run by root."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import psycopg

from offline.services import kernel
from offline.services.errors import ServerFailed
from offline.services.files import passable, write_private
from offline.services.plan import Plan
from offline.services.ports import LOOPBACK
from offline.services.private import Endpoint, NotHealthy
from offline.services.processes import Command

_USER = "carillon"
# PostgreSQL refuses to be root; `nobody` owns no file of the system.
_NOBODY = 65534
_LOCALE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
# What a violated constraint was violated with (an address, a token) is in an error's DETAIL, and in parameters.
_DISCREET = {
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
_ORPHANS_DEADLINE_S = 20.0
_POLL_S = 0.02
# postmaster.pid names the key and the id of the shared memory in its seventh line.
_SEGMENT_LINE = 6


class PostgreSQL:
    """How to run the PostgreSQL whose binaries lie in a folder."""

    name: ClassVar[str] = "postgresql"
    default_ports: ClassVar[Mapping[str, int]] = {"sql": 5432}

    def __init__(self, binaries: Path, *, mark: Mapping[str, str]) -> None:
        self._mark = mark
        self._binaries = binaries.resolve()
        self._user = self.runs_as()

    @staticmethod
    def runs_as() -> int | None:
        """Return the user id that the server's processes have when it is not our own."""
        return _NOBODY if os.geteuid() == 0 else None

    def placed(self, plan: Plan, folder: Path) -> Plan:
        """Return the plan with a place the server's user can reach."""
        reachable = self._user is None or (passable(folder) and passable(self._binaries))
        return plan if reachable or plan.outside is not None else plan.with_outside()

    def prepare(self, plan: Plan, folder: Path) -> None:
        """Make the data folder. A broken-off initdb is begun again: only a finished one gets the final name."""
        place = place_of(plan, folder)
        place.mkdir(parents=True, exist_ok=True)
        if plan.outside is not None:
            place.chmod(0o711)
        if not place.joinpath("data").exists():
            self._copy_binaries(place)
            self._initialise(plan, place)
        _remove_stale_lock(place / "data")

    def commands(self, plan: Plan, folder: Path) -> Mapping[str, Command]:
        """Return the one process."""
        place = place_of(plan, folder)
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(plan.ports["sql"]),
            "unix_socket_directories": "",
            "max_connections": "200",
            "dynamic_shared_memory_type": "mmap",
            "timezone": "UTC",
            **_DISCREET,
        }
        options = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
        server = [str(self._program("postgres", place)), "-D", str(place / "data"), *options]
        return {self.name: Command(argv=server, environment=_environment(), folder=Path("/"), user=self._user)}

    @staticmethod
    def check(plan: Plan) -> Endpoint:
        """Ask for the version, and make the database on the first time."""
        server = f"postgresql://{_USER}:{plan.password}@{LOOPBACK}:{plan.ports['sql']}"
        try:
            with psycopg.connect(f"{server}/postgres", connect_timeout=3, autocommit=True) as connection:
                with contextlib.suppress(psycopg.errors.DuplicateDatabase):
                    connection.execute("CREATE DATABASE carillon")
                version = connection.info.parameter_status("server_version") or ""
        except psycopg.OperationalError as error:
            raise NotHealthy(str(error)) from error
        return Endpoint(url=f"{server}/carillon", source="private", version=version)

    def _program(self, name: str, place: Path) -> Path:
        copied = place / "binaries" / self._binaries.name
        return (copied if copied.exists() else self._binaries) / "bin" / name

    def _copy_binaries(self, place: Path) -> None:
        """Copy the binaries where the server's user can reach them; a wheel's libraries lie beside its package."""
        if self._user is None or passable(self._binaries):
            return
        copied = place / "binaries" / self._binaries.name
        shutil.rmtree(place / "binaries", ignore_errors=True)
        shutil.copytree(self._binaries, copied, symlinks=True)
        package = self._binaries.parent
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, place / libraries.name, symlinks=True)

    def _initialise(self, plan: Plan, place: Path) -> None:
        draft = place / "data.new"
        release_shared_memory(place)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password = place / "password"
        write_private(password, plan.password, owner=self._user)
        if self._user is not None:
            os.chown(draft, self._user, self._user)
        try:
            self._run_initdb(draft, password, place)
        finally:
            password.unlink()
        draft.rename(place / "data")

    def _run_initdb(self, draft: Path, password: Path, place: Path) -> None:
        options = ["--auth=scram-sha-256", f"--username={_USER}", "--encoding=UTF8", f"--locale={_LOCALE}", "--no-sync"]
        answer = subprocess.run(
            [self._program("initdb", place), "-D", draft, f"--pwfile={password}", *options],
            capture_output=True,
            text=True,
            cwd="/",
            # A launcher that is killed leaves initdb at work: the next one finds and ends it by this mark.
            env={**_environment(), **self._mark},
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            check=False,
            timeout=120,
        )
        if answer.returncode != 0:
            raise ServerFailed(f"initdb of PostgreSQL failed:\n{answer.stderr.strip()}")


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": _LOCALE, "TZ": "UTC"}


def place_of(plan: Plan, folder: Path) -> Path:
    """Return where the data lies: in the stack's folder, or outside where only that can be reached."""
    return folder if plan.outside is None else Path(plan.outside)


def _remove_stale_lock(data: Path) -> None:
    """Remove the lock file of a killed server, once nothing works in its data folder any more.

    PostgreSQL itself would take a zombie, or another process that got the same id, for a running server, and refuse.
    """
    ends_at = time.monotonic() + _ORPHANS_DEADLINE_S
    while kernel.working_in(data.resolve()):
        if time.monotonic() > ends_at:
            raise ServerFailed(f"processes of an earlier PostgreSQL still work in {data}")
        time.sleep(_POLL_S)
    data.joinpath("postmaster.pid").unlink(missing_ok=True)


def release_shared_memory(place: Path) -> None:
    """Remove the memory segments that a killed PostgreSQL, or a killed initdb, leaves in the system."""
    for lock in place.glob("data*/postmaster.pid"):
        segment = [line.split() for line in lock.read_text().splitlines()][_SEGMENT_LINE:][:1]
        if segment and len(segment[0]) == 2 and shutil.which("ipcrm") is not None:
            subprocess.run(["ipcrm", "-m", segment[0][1]], capture_output=True, check=False, timeout=10)  # noqa: S607
