"""What an environment draws at random, it draws during an invocation: a restored snapshot repeats the rest (0068)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "app.py", *sorted((ROOT / "chalicelib").rglob("*.py"))]
_DRAWING = {"new_id", "urandom", "getrandom", "uuid1", "uuid4", "uuid7", "generate", "generate_private_key", "gensalt"}
_DRAWING |= {"randbits", "randbelow", "token_bytes", "token_hex", "token_urlsafe"}


def _calls_of_the_import(path: Path) -> list[str]:
    """What a module calls while it is imported; bodies of functions run later."""
    later = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    called = []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call):
            called.append(ast.unparse(node.func))
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, later)]
    return called


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_draws_at_random_while_it_is_imported(path: Path) -> None:
    assert [call for call in _calls_of_the_import(path) if call.rpartition(".")[2] in _DRAWING] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_drawn_from_a_generator_that_a_seed_determines(path: Path) -> None:
    imported = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
    }
    assert imported.isdisjoint({"random", "uuid_utils"})
