"""One package a session, made by the command that people type; and one performance of all its functions."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.build.lambda_runtime import our_runtime
from infra.build.package import LOCAL, REPOSITORY, STAGE, Package
from infra.stage import read_stage
from offline.cloud.runtime import prepare_runtime
from offline.services.private import Endpoint
from tests.packaging.performance import Performance, perform
from tests.packaging.stage import standing_stage

CACHE = LOCAL / "cache"
COMMAND = (sys.executable, "-m", "infra.build.package", "--architecture", "", "--python", "")
"""As `make package` calls it when it is told nothing."""


@dataclass(frozen=True, slots=True)
class Made:
    """What the command printed and left. When `complaint` is not empty, a check failed after the package was built."""

    printed: str
    complaint: str
    exit_status: int
    package: Package


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """`make package`, into a folder of this session."""
    into = tmp_path_factory.mktemp("package")
    command = [*COMMAND, "--into", str(into)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False)
    runtime = our_runtime(read_stage(REPOSITORY, STAGE).architecture)
    archive = Path(done.stdout.partition("\n")[0])
    assert archive.is_file(), done.stderr
    package = Package(runtime, archive, into / runtime.architecture / "unpacked")
    return Made(done.stdout, done.stderr, done.returncode, package)


@pytest.fixture(scope="session")
def package(made: Made) -> Package:
    """What is deployed on a LocalStack of this machine."""
    return made.package


@pytest.fixture(scope="session")
def bare_runtime() -> Path:
    """An interpreter with what Lambda's runtime brings, and nothing else."""
    return prepare_runtime(CACHE)


@pytest.fixture(scope="session")
def performed(package: Package, bare_runtime: Path, servers: dict[str, Endpoint]) -> Iterator[Performance]:
    """Every function has done its work once."""
    with standing_stage(servers) as stage:
        performance = Performance(package.folder, bare_runtime, stage)
        perform(performance)
        yield performance
