"""Builds the deployment package without deploying it, and holds it to what must be true of it: make package.

It is built as `chalice deploy` builds it, zipped by Chalice, unpacked, rehearsed and measured.
"""

import argparse
import re
import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from infra.build.import_time import BUDGET, check_import_time
from infra.build.lambda_runtime import ARCHITECTURES, LambdaRuntime, our_runtime
from infra.build.project import build_for
from infra.build.rehearsal import rehearse
from infra.build.zipping import zip_project
from infra.errors import BuildFailed, StepFailed
from infra.stage import read_stage
from infra.target import Platform

REPOSITORY = Path(__file__).resolve().parents[2]
LOCAL = REPOSITORY / ".local"
STAGE = "local"

MB = 1_000_000
MOST_ZIPPED_BYTES = 60 * MB
MOST_UNZIPPED_BYTES = 180 * MB

NO_PLATFORM = Platform(
    settings={},
    broker_arn="arn:aws:mq:eu-west-1:000000000000:broker:none:b-00000000",
    broker_secret_arn="",
    virtual_host="/",
    state_bucket="",
)
"""For a package that is not deployed: nothing of the platform is in the archive."""


@dataclass(frozen=True, slots=True)
class Package:
    """The archive that Lambda gets, and the folder that it is unpacked in."""

    runtime: LambdaRuntime
    archive: Path
    folder: Path

    @property
    def zipped_bytes(self) -> int:
        return self.archive.stat().st_size

    @property
    def unzipped_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())


def make_package(runtime: LambdaRuntime, *, source: Path, work: Path, cache: Path) -> Package:
    """Build, zip and unpack below `work`, replacing what was there. Raises: BuildFailed."""
    project = build_for(runtime, source=source, into=work / "project", stage=STAGE, platform=NO_PLATFORM, cache=cache)
    archive = zip_project(project, architecture=runtime.architecture)
    folder = work / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(folder)
    return Package(runtime, archive, folder)


def check_size(zipped_bytes: int, unzipped_bytes: int) -> None:
    """Raises: BuildFailed when one of them is over its budget."""
    for kind, size, most in (
        ("zipped", zipped_bytes, MOST_ZIPPED_BYTES),
        ("unzipped", unzipped_bytes, MOST_UNZIPPED_BYTES),
    ):
        if size > most:
            raise BuildFailed(
                f"The package has {size / MB:.1f} MB {kind}; {most / MB:.0f} MB is the budget.",
                remedy="Leave something out, with its reason: infra/build/left_out.py.",
            )


def _version(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    if not re.fullmatch(r"3\.[0-9]{1,2}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a version such as 3.13")
    return 3, int(text.removeprefix("3."))


def main() -> int:
    """Build, check, and tell the figures; exit status 1 when something does not hold."""
    parser = argparse.ArgumentParser(prog="python -m infra.build.package", description=__doc__)
    parser.add_argument("--architecture", default="", choices=("", *ARCHITECTURES), help="without it this machine's")
    parser.add_argument("--python", type=_version, help="of the runtime, such as 3.13; without it our own version")
    parser.add_argument("--into", type=Path, default=LOCAL / "package", help="the folder where it is built")
    given = parser.parse_args()
    try:
        here = read_stage(REPOSITORY, STAGE).architecture
        runtime = our_runtime(given.architecture or here)
        if given.python:
            runtime = LambdaRuntime(given.python, runtime.architecture)
        work = given.into / runtime.architecture
        package = make_package(runtime, source=REPOSITORY, work=work, cache=LOCAL / "cache")
        print(f"{package.archive}\n  for {runtime.name} on {runtime.architecture}")
        zipped, unzipped = package.zipped_bytes, package.unzipped_bytes
        print(f"  {zipped / MB:.1f} MB zipped, of {MOST_ZIPPED_BYTES / MB:.0f}")
        print(f"  {unzipped / MB:.1f} MB unzipped, of {MOST_UNZIPPED_BYTES / MB:.0f}")
        check_size(zipped, unzipped)
        if runtime != our_runtime(here):
            print("  not rehearsed: it runs on another machine or another version of Python than this one")
            return 0
        rehearse(package.folder)
        print("  every function finds what it needs")
        print(f"  import app: {check_import_time(package.folder):.2f} times the reference, of {BUDGET}")
    except StepFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
