"""LocalStack in a virtual environment of its own, and beside it our plug-in, which makes it run functions as processes.

Both are made once, and shared by every stack of a checkout. They lie apart: the environment is large and changes with
its lock alone, the plug-in is small and changes with each of its lines.
"""

import shutil
import sys
import tempfile
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.build.cached_folder import cached_folder, key_of
from offline.cloud.runtime import prepare_runtime
from offline.services.errors import ServerMissing
from offline.services.programs import complaint_of

FOLDER = Path(__file__).resolve().parents[2]
LOCK = FOLDER / "requirements-localstack.txt"
PYTHON = (3, 11)
# What the plug-in is built from. It takes the event source emulator with it, from the folder beside its own.
_PLUGIN = ("plugin", "offline/emulator")
_DEADLINE_S = 900
_SHOWN = 2000


@dataclass(frozen=True, slots=True)
class Installation:
    """`plugin` is a folder for the PYTHONPATH of LocalStack's `python`; the functions run in `runtime_python`."""

    python: Path
    plugin: Path
    runtime_python: Path


def install(cache: Path, report: Callable[[str], None]) -> Installation:
    """Return LocalStack, and what its functions run in, below `cache`; the first call takes about a minute.

    Raises:
        ServerMissing: there is no Python that LocalStack runs on, or a package could not be installed.
    """
    environment = _environment(cache, report)
    return Installation(python=environment, plugin=_plugin(cache, environment), runtime_python=prepare_runtime(cache))


def _environment(cache: Path, report: Callable[[str], None]) -> Path:
    base = _base_python()

    def make(folder: Path) -> None:
        report("installing it into an environment of its own, once (about a minute, 500 MB) …")
        if base == sys.executable:
            venv.EnvBuilder(symlinks=True).create(folder)
        else:
            _run([base, "-m", "venv", "--without-pip", str(folder)])
        _pip_install(folder / "bin" / "python", "-r", str(LOCK))

    key = key_of((LOCK.read_bytes(), str(Path(base).resolve())))
    return cached_folder(cache / "localstack", key, make) / "bin" / "python"


def _base_python() -> str:
    """Return an interpreter of the version that LocalStack's lock is made for."""
    if sys.version_info[:2] == PYTHON:
        return sys.executable
    version = ".".join(map(str, PYTHON))
    found = shutil.which(f"python{version}")
    if found is None:
        raise ServerMissing(
            f"LocalStack runs here on Python {version}, and there is no python{version} on the PATH.\n"
            f"Install it beside the one you have (Debian: sudo apt-get install -y python{version}-venv), "
            "then run the same command again."
        )
    return found


def _plugin(cache: Path, python: Path) -> Path:
    def make(folder: Path) -> None:
        # Setuptools writes into the folder that it builds from.
        with tempfile.TemporaryDirectory() as scratch:
            for part in _PLUGIN:
                shutil.copytree(FOLDER / part, Path(scratch) / part, ignore=shutil.ignore_patterns("__pycache__"))
            source = str(Path(scratch) / _PLUGIN[0])
            _pip_install(python, "--no-deps", "--no-build-isolation", "--target", str(folder), source)

    sources = sorted(file for part in _PLUGIN for file in (FOLDER / part).rglob("*") if _is_source(file))
    key = key_of(part for file in sources for part in (str(file.relative_to(FOLDER)), file.read_bytes()))
    return cached_folder(cache / "localstack-plugin", key, make)


def _is_source(file: Path) -> bool:
    return file.suffix in {".py", ".toml"}


def _pip_install(python: Path, *what: str) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    _run([*pip, "install", "--quiet", "--disable-pip-version-check", *what])


def _run(command: list[str]) -> None:
    complaint = complaint_of(command, deadline_s=_DEADLINE_S)
    if complaint is not None:
        raise ServerMissing(f"LocalStack could not be installed:\n{complaint[-_SHOWN:]}")
