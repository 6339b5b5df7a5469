"""The interpreter that deployed functions run in: Python with Lambda's runtime client and boto3, and nothing else.

A package that forgets one of its dependencies fails in it as it would fail in Lambda.
"""

import sys
import venv
from pathlib import Path

from infra.build.cached_folder import cached_folder, key_of
from offline.services.errors import ServerMissing
from offline.services.programs import complaint_of

LOCK = Path(__file__).resolve().parents[2] / "requirements-runtime.txt"
_DEADLINE_S = 600
_SHOWN = 2000


def prepare_runtime(cache: Path) -> Path:
    """Return the interpreter of a virtual environment below `cache`, which is made at the first call (10 s).

    All callers of a checkout may share a cache, also at the same time. The interpreter is of our own version.

    Raises:
        ServerMissing: the packages could not be installed; the message ends with pip's last words.
    """
    base = Path(sys.base_prefix).resolve()
    key = key_of((LOCK.read_bytes(), sys.version, str(base)))
    return cached_folder(cache / "runtime", key, _make) / "bin" / "python"


def _make(folder: Path) -> None:
    venv.EnvBuilder(symlinks=True).create(folder)
    command = [
        *(sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")),
        *("install", "--quiet", "--no-deps", "--disable-pip-version-check", "-r", str(LOCK)),
    ]
    complaint = complaint_of(command, deadline_s=_DEADLINE_S)
    if complaint is not None:
        raise ServerMissing(f"Lambda's runtime client could not be installed:\n{complaint[-_SHOWN:]}")
