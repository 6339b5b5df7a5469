"""What an execution environment builds once and keeps between invocations, until `forget` lets it be built anew."""

import functools
from collections.abc import Callable
from contextlib import ExitStack
from typing import ParamSpec, Protocol, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")


class Closable(Protocol):
    def close(self) -> None: ...


ClosableT = TypeVar("ClosableT", bound=Closable)

_forgetting: list[Callable[[], None]] = []
_endings = ExitStack()


def kept(factory: Callable[P, T]) -> Callable[P, T]:
    """The factory, called once for each of its arguments."""
    return kept_up_to(None)(factory)


def kept_up_to(most: int | None) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """The same for a factory of many things, of which those used least recently are dropped."""

    def remember(factory: Callable[P, T]) -> Callable[P, T]:
        remembered = functools.lru_cache(maxsize=most)(factory)
        _forgetting.append(remembered.cache_clear)
        return cast(Callable[P, T], remembered)

    return remember


def in_the_end(end: Callable[[], object]) -> None:
    """Have `forget` do this, before what was asked for earlier."""
    _endings.callback(end)


def closed_in_the_end(thing: ClosableT) -> ClosableT:
    """The thing, which `forget` closes."""
    in_the_end(thing.close)
    return thing


def forget() -> None:
    """Let everything be built anew when it is needed, and close what was built. Between two invocations only.

    What still runs in a thread keeps what it has: a pool ends its work, and a connection in use is nobody's idle one.
    """
    for clear in _forgetting:
        clear()
    _endings.pop_all().close()
