"""The plug-in runs in LocalStack's environment: what it may import there, and which of its modules need LocalStack."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from offline.stack.layout import REPOSITORY

MODULES = sorted(REPOSITORY.joinpath("localstack", "plugin", "carillon_localstack").glob("*.py"))
NEED_LOCALSTACK = {
    "defaults", "executor", "lambda_provider", "leaving", "mq_consumer", "mq_provider", "providers", "server"
}  # fmt: skip


def _imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_the_plug_in_knows_nothing_of_this_project_but_the_emulator(module: Path) -> None:
    ours = [name for name in _imported(module) if name.startswith(("chalicelib", "infra", "offline", "tests"))]
    assert all(name.startswith("offline.emulator.") for name in ours)


def test_few_modules_need_localstack() -> None:
    assert {module.stem for module in MODULES if any(_is_localstacks(name) for name in _imported(module))} == (
        NEED_LOCALSTACK
    )


def _is_localstacks(name: str) -> bool:
    return name.partition(".")[0] in {"localstack", "rolo", "twisted"}
