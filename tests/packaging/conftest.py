"""One package a session, built and unpacked; and one performance of all its functions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.build.lambda_runtime import our_runtime
from infra.build.package import LOCAL, REPOSITORY, STAGE, Package, make_package
from infra.stage import read_stage
from offline.cloud.runtime import prepare_runtime
from offline.services.private import Endpoint
from tests.packaging.performance import Performance, perform
from tests.packaging.stage import standing_stage

CACHE = LOCAL / "cache"


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """What is deployed on a LocalStack of this machine."""
    runtime = our_runtime(read_stage(REPOSITORY, STAGE).architecture)
    return make_package(runtime, source=REPOSITORY, work=tmp_path_factory.mktemp("package"), cache=CACHE)


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
