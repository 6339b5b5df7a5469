"""The source tree of a release that git knows, for going back to it."""

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

from infra.errors import StepFailed


def check_out(repository: Path, reference: str, into: Path) -> Path:
    """Fill the folder `into` with the tree of a tag, branch or commit, replacing whatever was there, and return it.

    Raises:
        StepFailed: git does not know it.
    """
    answer = subprocess.run(
        ["git", "archive", "--format=zip", f"{reference}^{{tree}}"],  # noqa: S607  git is wherever the caller has it
        cwd=repository,
        capture_output=True,
        check=False,
    )
    if answer.returncode != 0:
        raise StepFailed(
            f"git has no release {reference!r}: {answer.stderr.decode().strip()}", remedy="Name a tag: TO=v1.2.3"
        )
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(answer.stdout)) as tree:
        tree.extractall(into)
    return into
