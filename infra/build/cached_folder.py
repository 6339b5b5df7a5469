"""Folders that take long to make and are made once, however many ask at the same time and whoever dies meanwhile."""

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

_DRAFT = "making-"


def cached_folder(parent: Path, key: str, make: Callable[[Path], None]) -> Path:
    """Return the folder `key` of `parent`, which `make` fills when nobody did before.

    A folder that exists is whole: `make` fills a draft that takes its name at the end. Who asks while another one makes
    it waits; a draft whose maker died is deleted by the next one. What `make` raises, this raises, and leaves nothing.
    """
    folder = parent.resolve() / key
    if folder.is_dir():
        return folder
    parent.mkdir(parents=True, exist_ok=True)
    with parent.joinpath("lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder
        for broken_off in parent.glob(f"{_DRAFT}*"):
            shutil.rmtree(broken_off, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(dir=parent, prefix=_DRAFT))
        try:
            draft.chmod(0o755)
            make(draft)
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return folder


def key_of(parts: Iterable[str | bytes]) -> str:
    """A short name that is another one as soon as any part is."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part.encode() if isinstance(part, str) else part).digest())
    return digest.hexdigest()[:16]
