"""One command at a time changes a stack."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO


@contextlib.contextmanager
def exclusive(file: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file; a holder that dies, however it dies, lets go. `on_wait` is called when another one holds it."""
    with _acquired(file, on_wait):
        yield


def _acquired(file: Path, on_wait: Callable[[], None]) -> TextIO:
    while True:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        lock = file.open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        # The one before us may have been `down`, which deletes the file: then this lock excludes nobody.
        if _is_still(file, lock):
            return lock
        lock.close()


def _is_still(file: Path, lock: TextIO) -> bool:
    try:
        return os.fstat(lock.fileno()).st_ino == file.stat().st_ino
    except FileNotFoundError:
        return False
