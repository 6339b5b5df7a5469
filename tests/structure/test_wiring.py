"""Whatever is built of a secret can be built anew: the wiring keeps nothing that `forget` does not know."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import app as application
from chalicelib.handlers.renewing import with_current_secrets

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "chalicelib" / "wiring").glob("*.py"))
OUTLIVES = {"secrets"}
"""What is known of secrets is not built of them."""


def remembered_for_good(path: Path) -> Iterator[str]:
    """The functions of a module whose results functools keeps."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            names = {part.id for each in node.decorator_list for part in ast.walk(each) if isinstance(part, ast.Name)}
            if names & {"cache", "lru_cache"}:
                yield node.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_factory_is_kept_and_not_cached(path: Path) -> None:
    forgotten = set(remembered_for_good(path)) - OUTLIVES
    assert not forgotten, f"{path.name}: decorate with @kept of wiring/kept.py: {sorted(forgotten)}"


def test_every_invocation_of_every_function_looks_at_its_secrets_first() -> None:
    assert application.app.middleware_handlers[0] == (with_current_secrets, "all")
