"""A program that installs something for us either does its work in time or says why not."""

import sys
from pathlib import Path

import pytest

from offline.services.programs import complaint_of


def python(program: str, *, deadline_s: float = 30, folder: Path | None = None) -> str | None:
    return complaint_of([sys.executable, "-c", program], deadline_s=deadline_s, folder=folder)


def test_nothing_is_complained_of_when_the_work_is_done(tmp_path: Path) -> None:
    assert python("import pathlib; pathlib.Path('done').touch(); print('much')", folder=tmp_path) is None
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("import sys; print('out'); sys.exit('err')", "err"),
        ("import sys; print('out'); sys.exit(3)", "out"),
        ("import sys; sys.exit(3)", "it ended with 3, and said nothing"),
    ],
)
def test_a_complaint_is_what_the_program_said_last_resort_its_status(program: str, complaint: str) -> None:
    assert python(program) == complaint


def test_a_program_that_hangs_is_ended_and_told_as_late() -> None:
    complaint = python("import threading; threading.Event().wait()", deadline_s=0.2)
    assert complaint is not None
    assert "was not done within 0.2 s" in complaint
