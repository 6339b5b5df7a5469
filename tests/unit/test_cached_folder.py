"""A folder that is expensive to make is made once, and is whole or not there."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.build.cached_folder import cached_folder, key_of


def test_whoever_asks_at_the_same_time_gets_the_one_folder(tmp_path: Path) -> None:
    made: list[Path] = []
    all_ask = threading.Barrier(4)

    def make(folder: Path) -> None:
        made.append(folder)
        folder.joinpath("content").write_text("whole")

    def ask(_: int) -> str:
        all_ask.wait()
        return (cached_folder(tmp_path, "key", make) / "content").read_text()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(4))) == {"whole"}
    assert len(made) == 1


def test_a_folder_whose_making_failed_is_not_there(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        folder.joinpath("half").touch()
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="full"):
        cached_folder(tmp_path, "key", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_what_a_killed_maker_left_behind_is_removed_by_the_next(tmp_path: Path) -> None:
    tmp_path.joinpath("making-0").mkdir()
    folder = cached_folder(tmp_path, "key", lambda draft: draft.joinpath("content").touch())
    assert {path.name for path in tmp_path.iterdir()} == {"lock", "key"}
    assert folder == tmp_path / "key"


def test_a_folder_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    tmp_path.joinpath("key").mkdir()

    def make(_folder: Path) -> None:
        raise AssertionError("it is there")

    assert cached_folder(tmp_path, "key", make) == tmp_path / "key"


def test_a_key_tells_where_one_part_ends_and_the_next_begins() -> None:
    assert key_of(["ab", "c"]) != key_of(["a", "bc"])
    assert key_of(["ab", b"c"]) == key_of([b"ab", "c"])
