"""What is built once, and what becomes of it when it is built anew."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from chalicelib.wiring.kept import closed_in_the_end, forget, in_the_end, kept, kept_up_to


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    forget()
    yield
    forget()


@dataclass(eq=False)
class Thing:
    name: str = ""
    closed: int = 0

    def close(self) -> None:
        self.closed += 1


def test_a_thing_is_built_once_for_each_of_its_names_until_it_is_forgotten() -> None:
    build = kept(Thing)
    first = build("a")
    assert build("a") is first
    assert build("b") is not first
    forget()
    assert build("a") is not first


def test_of_many_things_the_oldest_are_dropped() -> None:
    build = kept_up_to(2)(Thing)
    first = build("a")
    build("b")
    build("c")
    assert build("a") is not first


def test_what_is_forgotten_is_closed_once_and_what_comes_after_is_open() -> None:
    build = kept(lambda: closed_in_the_end(Thing()))
    former = build()
    forget()
    latter = build()
    assert (former.closed, latter.closed) == (1, 0)
    forget()
    assert (former.closed, latter.closed) == (1, 1)


def test_what_cannot_be_closed_keeps_no_other_from_it() -> None:
    thing = closed_in_the_end(Thing())

    def fail() -> None:
        raise RuntimeError("cannot be closed")

    in_the_end(fail)
    with pytest.raises(RuntimeError, match="cannot be closed"):
        forget()
    assert thing.closed == 1
