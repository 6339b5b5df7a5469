"""Compiles what ships. Lambda's file system is read-only: what has no bytecode is compiled at every cold start."""

import py_compile
from importlib.util import cache_from_source
from pathlib import Path

from infra.errors import BuildFailed

TASK_ROOT = Path("/var/task")
"""Where Lambda unpacks a package. Bytecode that names no place of this machine is the same wherever it was made."""


def compile_all(folder: Path, *, below: Path) -> None:
    """Compile every Python file of `folder`, a folder of the package that begins at `below`."""
    for file in folder.rglob("*.py"):
        compile_file(file, below=below, into=below)


def compile_file(file: Path, *, below: Path, into: Path) -> None:
    """Write the bytecode of `file`, which lies somewhere below `below`, to the same place below `into`.

    It is never compared with its source: a package does not change, and its times are those of its making.

    Raises:
        BuildFailed: the file does not compile; the message says where.
    """
    place = file.relative_to(below)
    try:
        py_compile.compile(
            str(file),
            cfile=str(into / cache_from_source(str(place))),
            dfile=str(TASK_ROOT / place),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except py_compile.PyCompileError as error:
        raise _failed(place, error.exc_value) from error


def check_syntax(file: Path, *, below: Path) -> None:
    """Raises: BuildFailed, as `compile_file`."""
    try:
        compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise _failed(file.relative_to(below), error) from error


def _failed(place: Path, error: BaseException) -> BuildFailed:
    told = f"{place}:{error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else f"{place}: {error}"
    return BuildFailed(told, remedy="Correct it, and build again.")
