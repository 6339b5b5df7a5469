"""Installs what ships besides our own code: the wheels of the lock that Lambda's runtime can load, without the rest."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from infra.build import left_out
from infra.build.bytecode import compile_all, compile_file
from infra.build.cached_folder import cached_folder, key_of
from infra.build.lambda_runtime import LambdaRuntime
from infra.errors import BuildFailed

_DEADLINE_S = 900
_SHOWN_OF_PIP = 1500
_UNREACHABLE = "Retry(total=0"  # its last try: then pip says of every project that nothing matches
CHALICE = ("__init__.py", "app.py")
"""What Chalice itself adds to a package of its own: its bytecode is ours to add."""


def vendor(lock: Path, runtime: LambdaRuntime, *, cache: Path) -> Path:
    """Return a folder with everything that the package takes from others, made at the first call (about 20 s).

    It is the same folder as long as lock, runtime, and the list of what is left out are: nobody may write to it.
    Bytecode is there when our interpreter writes it as the runtime reads it.

    Raises:
        BuildFailed: a project of the lock has no wheel that the runtime can load, or pip failed otherwise.
    """
    parts = (lock.read_bytes(), repr(left_out.PROJECTS), repr(left_out.FILES), repr(runtime), sys.version)
    key = key_of((*parts, *(file.read_bytes() for file in _chalice_files())))

    def make(folder: Path) -> None:
        _install(_shipped(lock), runtime, folder)
        _prune(folder)
        if runtime.is_ours:
            compile_all(folder, below=folder)
            for file in _chalice_files():
                compile_file(file, below=file.parents[1], into=folder)

    return cached_folder(cache / "vendor", key, make)


def _shipped(lock: Path) -> list[str]:
    pinned = [line.partition("#")[0].strip() for line in lock.read_text().splitlines()]
    return [line for line in pinned if line and line.partition("==")[0] not in left_out.PROJECTS]


def _install(pinned: list[str], runtime: LambdaRuntime, folder: Path) -> None:
    command = (
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary=:all:", "--no-compile", "--target", str(folder)),
        *(f"--platform={platform}" for platform in runtime.wheel_platforms),
        *("--implementation=cp", f"--python-version={runtime.version}"),
        *pinned,
    )
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(
            f"pip was not done within {_DEADLINE_S} s.", remedy="See how far the package index is, and build again."
        ) from error
    if answer.returncode != 0:
        raise _explained(answer.stderr, runtime)


def _explained(said: str, runtime: LambdaRuntime) -> BuildFailed:
    complaints = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR")]
    if _UNREACHABLE in said:
        return BuildFailed(
            f"pip cannot reach its package index:\n{said.strip()[-_SHOWN_OF_PIP:]}",
            remedy="Mend the connection, and build again; what was built before is as it was.",
        )
    missing = [line.rpartition(" ")[2] for line in complaints if line.startswith("No matching distribution found")]
    if missing:
        return BuildFailed(
            f"{missing[0]} has no wheel that {runtime.name} on {runtime.architecture} can load: its glibc is"
            f" 2.{runtime.glibc_minor}.",
            remedy="Take a later version of Python: rm -rf .venv, then the same command with PYTHON=python3.13. Or"
            " choose the other architecture: lambda_architecture of the stage in .chalice/config.json.",
        )
    return BuildFailed(
        f"pip could not install what ships:\n{said.strip()[-_SHOWN_OF_PIP:]}",
        remedy="What was built before is as it was.",
    )


def _prune(folder: Path) -> None:
    for pattern in left_out.FILES:
        for path in folder.glob(pattern):
            if path.is_file():
                path.unlink()
    for root, _, _ in os.walk(folder, topdown=False):
        if not any(Path(root).iterdir()):
            Path(root).rmdir()


def _chalice_files() -> list[Path]:
    spec = find_spec("chalice")
    if spec is None or spec.origin is None:
        raise BuildFailed("Chalice is not installed beside this program.", remedy="Run make, which prepares .venv.")
    return [Path(spec.origin).with_name(name) for name in CHALICE]
