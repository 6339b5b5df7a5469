"""Unpacked deployment packages, one folder for each content however many functions and versions share it."""

import contextlib
import os
import shutil
import tempfile
import threading
import zipfile
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from io import BytesIO
from pathlib import Path

Fetch = Callable[[], bytes]


class UnusablePackage(Exception):
    """The archive cannot be unpacked."""


class CodeStore:
    """Safe from any thread. A folder is there from the first `hold` of its digest to the last `release`.

    Unpacking happens beside the final place and ends with a rename: whoever finds the folder finds it whole.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._unpacking: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._holders: dict[str, set[Hashable]] = defaultdict(set)

    def hold(self, *, holder: Hashable, digest: str, fetch: Fetch) -> Path:
        """The folder with the package of this digest, for as long as `holder` needs it; idempotent.

        Raises UnusablePackage, and whatever `fetch` raises.
        """
        with self._lock:
            self._holders[digest].add(holder)
            unpacking = self._unpacking[digest]
        with unpacking:
            folder = self._folder(digest)
            if not folder.is_dir():
                try:
                    self._unpack(fetch(), folder)
                except BaseException:
                    self._forget(holder, digest)
                    raise
            return folder

    def release(self, *, holder: Hashable, digest: str) -> None:
        """The holder needs it no more; idempotent."""
        with self._lock:
            unpacking = self._unpacking[digest]
        with unpacking:
            if self._forget(holder, digest):
                shutil.rmtree(self._folder(digest), ignore_errors=True)

    def _folder(self, digest: str) -> Path:
        return self._root / digest

    def _forget(self, holder: Hashable, digest: str) -> bool:
        """Whether nobody holds it now."""
        with self._lock:
            self._holders[digest].discard(holder)
            return not self._holders[digest]

    def _unpack(self, archive: bytes, folder: Path) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        with _scratch(self._root) as scratch:
            try:
                with zipfile.ZipFile(BytesIO(archive)) as package:
                    _extract(package, scratch)
            except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
                raise UnusablePackage(f"cannot unpack the deployment package: {error}") from error
            scratch.rename(folder)


@contextlib.contextmanager
def _scratch(root: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # after the rename there is nothing


def _extract(package: zipfile.ZipFile, folder: Path) -> None:
    folder.chmod(0o755)
    for entry in package.infolist():
        written = package.extract(entry, folder)
        if mode := (entry.external_attr >> 16) & 0o777:
            os.chmod(written, mode | 0o600)  # noqa: PTH101 - `extract` answers a string
