"""Which interpreter functions run on, and how one that does not fit is refused."""

from pathlib import Path

import pytest

from carillon_localstack.interpreter import UnusableInterpreter, choose_interpreter


def _interpreter(folder: Path, script: str) -> str:
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def test_the_interpreter_of_the_setting_is_taken_when_it_is_of_the_runtime(tmp_path: Path) -> None:
    setting = _interpreter(tmp_path, "echo python3.11")
    assert choose_interpreter(setting=setting, runtime="python3.11") == Path(setting)


def test_another_runtime_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnusableInterpreter, match=r"python3\.12.*python3\.11"):
        choose_interpreter(setting=_interpreter(tmp_path, "echo python3.11"), runtime="python3.12")


@pytest.mark.parametrize("setting", [None, ""])
def test_a_missing_setting_is_named(setting: str | None) -> None:
    with pytest.raises(UnusableInterpreter, match="CARILLON_RUNTIME_PYTHON"):
        choose_interpreter(setting=setting, runtime="python3.11")


@pytest.mark.parametrize("script", ["exit 1", "kill -9 $$"])
def test_an_interpreter_without_the_runtime_client_is_refused(tmp_path: Path, script: str) -> None:
    with pytest.raises(UnusableInterpreter, match="awslambdaric"):
        choose_interpreter(setting=_interpreter(tmp_path, script), runtime="python3.11")


def test_a_program_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInterpreter):
        choose_interpreter(setting=str(tmp_path / "nothing"), runtime="python3.11")
