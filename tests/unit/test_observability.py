"""What the log of an exception tells, and what it keeps to itself."""

import pytest

from chalicelib.observability import told


def fail(error: Exception, cause: Exception | None) -> None:
    raise error from cause


def raised(cause: Exception | None, error: Exception) -> Exception:
    """The error as a handler catches it, with a stack of its own."""
    with pytest.raises(type(error)) as caught:
        fail(error, cause)
    return caught.value


def test_an_exception_is_told_by_class_and_stack_and_not_by_its_text() -> None:
    cause = raised(None, KeyError("Key (email)=(ada@example.com) already exists"))
    (last, first) = told(raised(cause, ValueError("hush")))
    assert (last["kind"], first["kind"]) == ("builtins.ValueError", "builtins.KeyError")
    assert "test_observability.py" in str(last["stack"])
    assert "fail" in str(first["stack"])
    assert "ada@example.com" not in str(first)
    assert "hush" not in str(last)


def test_a_recursion_without_end_has_a_short_telling() -> None:
    def endless() -> None:
        endless()

    with pytest.raises(RecursionError) as caught:
        endless()
    assert len(str(told(caught.value))) < 10_000


def test_a_chain_of_causes_has_an_end() -> None:
    error = Exception()
    for _ in range(100):
        error = raised(error, Exception())
    assert len(told(error)) == 5
