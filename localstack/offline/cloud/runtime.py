"""The interpreter that deployed functions run in: Python with Lambda's runtime client and boto3, and nothing else.

A package that forgets one of its dependencies fails in it as it would fail in Lambda.
"""

import subprocess
import sys
import venv
from pathlib import Path

from infra.build.cached_folder import cached_folder, key_of
from offline.services.errors import ServerMissing

LOCK = Path(__file__).resolve().parents[2] / "requirements-runtime.txt"
_DEADLINE_S = 600


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
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")),
            *("install", "--quiet", "--no-deps", "--disable-pip-version-check", "-r", str(LOCK)),
        ],
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        check=False,
    )
    if answer.returncode != 0:
        raise ServerMissing(f"Lambda's runtime client could not be installed:\n{answer.stderr.strip()[-2000:]}")
