"""The list of mutations does not rot: each finds its text, names a test that exists, and is documented."""

import ast

import pytest

from tests.mutations.catalogue import MUTATIONS, Mutation
from tests.mutations.tree import REPOSITORY

PAGE = (REPOSITORY / "docs" / "mutations.md").read_text("utf-8")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_text_of_a_mutation_stands_once_in_its_file(mutation: Mutation) -> None:
    assert (REPOSITORY / mutation.file).read_text("utf-8").count(mutation.text) == 1


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_the_test_of_a_mutation_exists(mutation: Mutation) -> None:
    file, _, name = mutation.test.partition("::")
    tree = ast.parse((REPOSITORY / file).read_text("utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_is_documented(mutation: Mutation) -> None:
    _, _, test = mutation.test.partition("::")
    assert f"| {mutation.name} | {mutation.consequence} | `{test}` |" in PAGE
