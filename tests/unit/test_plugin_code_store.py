"""Unpacked deployment packages: shared by content, whole or not there, gone with their last holder."""

import io
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from carillon_localstack.code_store import CodeStore, UnusablePackage


def _archive(content: str = "x = 1") -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("package/module.py", content)
        tool = zipfile.ZipInfo("tool")
        tool.external_attr = 0o100755 << 16
        package.writestr(tool, "#!/bin/sh\n")
    return archive.getvalue()


def test_a_package_is_unpacked_with_the_modes_of_its_files(tmp_path: Path) -> None:
    folder = CodeStore(tmp_path).hold(holder=1, digest="d", fetch=_archive)
    assert folder.joinpath("package/module.py").read_text() == "x = 1"
    assert folder.joinpath("tool").stat().st_mode & 0o777 == 0o755


def test_many_at_once_unpack_it_once(tmp_path: Path) -> None:
    store, fetched = CodeStore(tmp_path), []

    def fetch() -> bytes:
        fetched.append(threading.get_ident())
        return _archive()

    with ThreadPoolExecutor(16) as pool:
        folders = set(pool.map(lambda holder: store.hold(holder=holder, digest="d", fetch=fetch), range(64)))
    assert (len(folders), len(fetched)) == (1, 1)


def test_a_folder_stays_for_its_last_holder(tmp_path: Path) -> None:
    store = CodeStore(tmp_path)
    folder = store.hold(holder=1, digest="d", fetch=_archive)
    store.hold(holder=2, digest="d", fetch=_archive)
    store.release(holder=1, digest="d")
    store.release(holder=1, digest="d")
    assert folder.is_dir()
    store.release(holder=2, digest="d")
    assert not folder.exists()


def test_other_contents_lie_elsewhere(tmp_path: Path) -> None:
    store = CodeStore(tmp_path)
    old = store.hold(holder=1, digest="old", fetch=lambda: _archive("x = 1"))
    new = store.hold(holder=2, digest="new", fetch=lambda: _archive("x = 2"))
    assert [one.joinpath("package/module.py").read_text() for one in (old, new)] == ["x = 1", "x = 2"]


def test_what_is_no_archive_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnusablePackage):
        CodeStore(tmp_path).hold(holder=1, digest="d", fetch=lambda: b"no archive")
    assert list(tmp_path.iterdir()) == []
