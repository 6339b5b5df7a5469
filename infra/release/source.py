"""The source tree of a release that git knows, for going back to it."""

import io
import subprocess
import zipfile
from pathlib import Path

from infra.build.cached_folder import cached_folder
from infra.errors import StepFailed


def check_out(repository: Path, reference: str, *, cache: Path) -> Path:
    """Return a folder with the tree of a tag, branch or commit: nobody may write to it.

    It stands below `cache` under the tree's own name, so that whoever goes back to another release at the same time
    does not change it.

    Raises:
        StepFailed: git does not know it, or is not there.
    """
    try:
        tree = _git(repository, "rev-parse", "--verify", "--quiet", f"{reference}^{{tree}}").decode().strip()
        return cached_folder(cache / "releases", tree, lambda folder: _fill(folder, _archive(repository, tree)))
    except subprocess.CalledProcessError as error:
        told = f": {error.stderr.decode().strip()}" if error.stderr else "."
        raise StepFailed(f"git has no release {reference!r}{told}", remedy="Name a tag: TO=v1.2.3") from error
    except FileNotFoundError as error:
        raise StepFailed("There is no git here, which keeps the releases.", remedy="Install it.") from error


def _archive(repository: Path, tree: str) -> bytes:
    return _git(repository, "archive", "--format=zip", tree)


def _fill(folder: Path, archive: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(archive)) as tree:
        tree.extractall(folder)


def _git(repository: Path, *arguments: str) -> bytes:
    return subprocess.run(
        ["git", *arguments],  # noqa: S607  git is wherever the caller has it
        cwd=repository,
        capture_output=True,
        check=True,
    ).stdout
