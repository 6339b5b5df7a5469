"""RabbitMQ fetched with apt into a folder, without root and without touching the system."""

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from offline.services.binaries import RabbitMQInstallation, find_rabbitmq
from offline.services.errors import ServerMissing
from offline.services.programs import complaint_of

_ERLANG = (
    "asn1 base crypto eldap ftp inets mnesia os-mon parsetools public-key runtime-tools"
    " snmp ssl syntax-tools tftp tools xmerl"
)
_PACKAGES = ["rabbitmq-server", *(f"erlang-{part}" for part in _ERLANG.split())]
# Erlang's starter knows only the place it was packaged for; a fetched one may lie, and be moved, anywhere.
_PACKAGED_ROOT = "ROOTDIR=/usr/lib/erlang\n"
_MOVABLE_ROOT = 'ROOTDIR="$(dirname "$(dirname "$(readlink -f "$0")")")"\n'
_DEADLINE_S = 600


def find_fetched(cache: Path) -> RabbitMQInstallation | None:
    """Return the RabbitMQ fetched before."""
    return find_rabbitmq(cache / "rabbitmq")


def can_fetch() -> bool:
    """Say whether this machine has apt."""
    return shutil.which("apt-get") is not None and shutil.which("dpkg-deb") is not None


def fetch(cache: Path, report: Callable[[str], None]) -> RabbitMQInstallation:
    """Fetch RabbitMQ once; whoever asks at the same time waits for the first. A broken-off fetch leaves nothing.

    Raises:
        ServerMissing: apt cannot reach its mirrors, or has no such packages.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(cache):
        found = find_fetched(cache)
        if found is not None:
            return found
        for broken_off in cache.glob("fetching-*"):
            shutil.rmtree(broken_off, ignore_errors=True)
        report("fetching it with apt, once (65 MB, no root needed) …")
        with tempfile.TemporaryDirectory(dir=cache, prefix="fetching-") as scratch:
            unpacked = _unpack(Path(scratch), _download(Path(scratch)))
            _make_movable(unpacked)
            unpacked.rename(cache / "rabbitmq")
    fetched = find_fetched(cache)
    if fetched is None:
        raise ServerMissing("the packages apt fetched hold no RabbitMQ server")
    return fetched


@contextlib.contextmanager
def _one_at_a_time(cache: Path) -> Iterator[None]:
    with cache.joinpath("lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(scratch: Path) -> list[Path]:
    for folder in ("lists/partial", "archives/archives/partial", "packages"):
        scratch.joinpath(folder).mkdir(parents=True)
    private = [f"Dir::State::lists={scratch}/lists", f"Dir::Cache={scratch}/archives", "Debug::NoLocking=1"]
    quiet = ["APT::Sandbox::User=root", "Acquire::Languages=none"]
    options = [argument for option in (*private, *quiet) for argument in ("-o", option)]
    _run(["apt-get", "-qq", *options, "update"], scratch)
    _run(["apt-get", "-qq", *options, "download", *_PACKAGES], scratch / "packages")
    return sorted(scratch.joinpath("packages").glob("*.deb"))


def _unpack(scratch: Path, packages: list[Path]) -> Path:
    target = scratch / "rabbitmq"
    target.mkdir()
    for package in packages:
        _run(["dpkg-deb", "-x", str(package), str(target)], scratch)
    return target


def _make_movable(unpacked: Path) -> None:
    starter = unpacked / "usr/lib/erlang/bin/erl"
    starter.write_text(starter.read_text().replace(_PACKAGED_ROOT, _MOVABLE_ROOT))


def _run(command: list[str], folder: Path) -> None:
    complaint = complaint_of(command, deadline_s=_DEADLINE_S, folder=folder)
    if complaint is not None:
        raise ServerMissing(f"{command[0]} could not fetch it: {complaint.splitlines()[-1]}")
