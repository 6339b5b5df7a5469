"""Invokes one function of an unpacked package, as Lambda's Python runtime does, and tells what it imported for it.

Runs as a script in the package's folder, by an interpreter that knows nothing of this repository:

    python -P in_package.py deliver_email < {"events": [{…}], "timeout_s": 60}

One JSON document goes to standard output: `answers`, as many as there were events unless one raised; then `raised`, and
`missing` when an import failed; and `modules`, every one that is not Python's own, by the folder that it was found in.
What the function prints goes to standard error. `*` is no function: everything is imported that any module of ours
imports, wherever it does. Nor is `-`: nothing is done.
"""

import ast
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

EVERYTHING, NOTHING = "*", "-"
HTTP = "api_handler"
OF_THE_RUNTIME = frozenset({"boto3", "botocore"})
"""What Lambda's runtime brings, and the package does not."""

Json = Any  # events and answers are what functions make of them
Handler = Callable[[Json, "Context"], Json]


class Context:
    """Lambda's context object, as far as functions look at it."""

    aws_request_id = "00000000-0000-0000-0000-000000000000"
    memory_limit_in_mb = "1024"

    def __init__(self, function: str, timeout_s: float) -> None:
        self.function_name = function
        self.invoked_function_arn = f"arn:aws:lambda:eu-west-1:000000000000:function:{function}"
        self._ends_at_s = time.monotonic() + timeout_s

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._ends_at_s - time.monotonic()) * 1000))


def main() -> int:
    """Exit status 0, whatever came of the invocations."""
    function, told = sys.argv[1], json.load(sys.stdin)
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.path.insert(0, str(Path.cwd()))
    answers: list[Json] = []
    failure: dict[str, str | None] = {}
    try:
        for answer in _answers(function, told["events"], told["timeout_s"]):
            answers.append(answer)
    except ImportError as error:
        failure = {"raised": traceback.format_exc(), "missing": error.name}
    except Exception:  # noqa: BLE001  whatever it was is the caller's to judge
        failure = {"raised": traceback.format_exc()}
    with results:
        json.dump({"answers": answers, **failure, "modules": _modules()}, results)
    return 0


def _answers(function: str, events: list[Json], timeout_s: float) -> Iterator[Json]:
    if function in {EVERYTHING, NOTHING}:
        if function == EVERYTHING:
            _import_everything()
        return
    application = import_module("app")
    handler: Handler = getattr(application, "app" if function == HTTP else function)
    for event in events:
        yield handler(event, Context(function, timeout_s))


def _import_everything() -> None:
    """Migrations aside: Alembic loads them, when `migrate` is invoked."""
    for file in sorted(Path("chalicelib").glob("**/*.py")):
        if "migrations" not in file.parts:
            for _, module in imports_of(ast.parse(file.read_bytes())):
                _import_unless_of_the_runtime(module)


def _import_unless_of_the_runtime(module: str) -> None:
    try:
        import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in OF_THE_RUNTIME:
            raise


def imports_of(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Every import below a node, also within functions, with its line; what only type checkers follow left out."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if isinstance(node, ast.Import):
        yield from ((node.lineno, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield node.lineno, node.module
    for child in ast.iter_child_nodes(node):
        yield from imports_of(child)


def _modules() -> dict[str, list[str]]:
    folders = [folder for folder in sys.path if folder == str(Path.cwd()) or folder.endswith("site-packages")]
    files = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
    return {
        folder: sorted(name for name, file in files.items() if file.startswith(f"{folder}{os.sep}"))
        for folder in folders
    }


if __name__ == "__main__":
    sys.exit(main())
