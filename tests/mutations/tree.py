"""A copy of the repository as it stands, changes that are not committed included, to be mutated and thrown away."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.catalogue import Mutation

REPOSITORY = Path(__file__).parents[2]
LONGEST_RUN_S = 300
CACHE = Path(".local/cache")
"""What a machine without an installed broker fetched once: it is not fetched for every run."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many tests failed, and what pytest said."""

    failed: int
    passed: int
    said: str


@contextmanager
def copied() -> Iterator[Path]:
    """The files that git knows or would, in a folder of their own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607  whichever git there is
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    with tempfile.TemporaryDirectory(prefix="carillon-mutations-") as folder:
        root = Path(folder)
        root.chmod(0o755)  # PostgreSQL of a superuser's run is another user's
        for name in filter(None, listed.stdout.split("\0")):
            if (REPOSITORY / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / name, root / name)
        if (REPOSITORY / CACHE).is_dir():
            shutil.copytree(REPOSITORY / CACHE, root / CACHE, symlinks=True)
        yield root


@contextmanager
def mutated(root: Path, mutation: Mutation) -> Iterator[None]:
    """Raises: ValueError when the text does not stand exactly once in its file."""
    path = root / mutation.file
    original = path.read_text("utf-8")
    if original.count(mutation.text) != 1:
        raise ValueError(
            f"{mutation.file}: the text of {mutation.name!r} stands there {original.count(mutation.text)} times"
        )
    path.write_text(original.replace(mutation.text, mutation.replacement), "utf-8")
    try:
        yield
    finally:
        path.write_text(original, "utf-8")


def run(root: Path, tests: Sequence[str]) -> Verdict:
    """Run tests of the copy, on servers of their own. A run that hangs has failed nothing, and says so."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command,
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_RUN_S * len(tests),
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Verdict(0, 0, "it hung")
    return Verdict(_count("failed", done.stdout), _count("passed", done.stdout), done.stdout)


def _count(outcome: str, said: str) -> int:
    """As pytest sums it up; warnings about what a failed test left open may follow."""
    sums = re.findall(r"^=*\s*(\d+ (?:passed|failed|error).* in [\d.]+s.*)$", said, re.MULTILINE)
    found = re.findall(rf"(\d+) {outcome}", sums[-1]) if sums else []
    return int(found[0]) if found else 0
