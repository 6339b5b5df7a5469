"""Makes the project folder that `chalice deploy` and `chalice package` take: exactly what ships, and where it goes."""

import shutil
from pathlib import Path

from infra.build.bytecode import check_syntax, compile_all
from infra.build.demands import check_demands
from infra.build.imports import check_imports
from infra.build.lambda_runtime import LambdaRuntime, our_runtime
from infra.build.rendering import render
from infra.build.vendoring import vendor
from infra.stage import read_stage
from infra.target import Platform

LOCK = "requirements.txt"
_NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", "*.md", ".*")


def build_project(
    *,
    source: Path,
    into: Path,
    stage: str,
    platform: Platform,
    cache: Path,
    architecture: str | None = None,
) -> Path:
    """Fill the folder `into`, replacing whatever was there, and return it.

    `source` is a tree of this repository. `cache` keeps what was installed for later builds; several may share it at
    the same time. Without an architecture it is the stage's. A second build of the same lock takes about a second.

    Raises:
        BuildFailed: a file does not compile, imports what does not ship, a wheel does not exist for the runtime, or
            needs another that does not ship.
        StepFailed: there is no such stage.
    """
    runtime = our_runtime(architecture or read_stage(source, stage).architecture)
    return build_for(runtime, source=source, into=into, stage=stage, platform=platform, cache=cache)


def build_for(runtime: LambdaRuntime, *, source: Path, into: Path, stage: str, platform: Platform, cache: Path) -> Path:
    """The same for any runtime. Bytecode ships when it is ours that reads it. Raises: BuildFailed."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    shutil.copy(source / "app.py", into)
    shutil.copytree(source / "chalicelib", into / "chalicelib", ignore=_NOT_SHIPPED)
    for file in (into / "app.py", *into.glob("chalicelib/**/*.py")):
        check_syntax(file, below=into)
    vendored = vendor(source / LOCK, runtime, cache=cache)
    check_demands(vendored, runtime)
    (into / "vendor").symlink_to(vendored)
    check_imports(into)
    if runtime.is_ours:
        compile_all(into / "chalicelib", below=into)
    # Chalice resolves what this names, and only warns of what is missing: nothing is left for it to resolve.
    (into / LOCK).write_text("")
    render(source, into, stage=stage, platform=platform, architecture=runtime.architecture)
    return into
