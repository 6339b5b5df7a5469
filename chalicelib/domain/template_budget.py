"""What one rendering may use up. Without it a few lines could loop 10⁹ times, or make gigabytes out of one word."""

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Sized, ValuesView

from jinja2 import Undefined
from jinja2.exceptions import SecurityError

MAX_STEPS = 200_000
"""Syntax nodes that loops, macros, blocks and partials may pass through; entering one has a price of its own."""

MAX_WORK = 2 * 1024 * 1024
"""Characters made or looked through; each item of a list counts as `PER_ITEM` of them, each filter as `PER_CALL`."""

PER_ITEM = 20
PER_CALL = 60
BUDGET = "_budget"
"""The name under which a rendering finds its budget. No template may use it."""


class Budget:
    """What one rendering may still do. Raises SecurityError when it would do more."""

    __slots__ = ("_steps", "_work")

    def __init__(self) -> None:
        self._steps = MAX_STEPS
        self._work = MAX_WORK

    def spend_steps(self, count: int) -> None:
        self._steps -= count
        if self._steps < 0:
            raise SecurityError("the template takes too many rounds")

    def spend_work(self, count: int) -> None:
        self._work -= count
        if self._work < 0:
            raise SecurityError("the template makes too much text")

    def charge(self, value: object) -> None:
        """A list costs what showing it would: the same list twice in another costs twice, and so on without end."""
        if isinstance(value, str | bytes):
            self.spend_work(len(value))
        elif isinstance(value, list | tuple | set | frozenset | KeysView | ValuesView | ItemsView):
            self.spend_work(PER_ITEM * (1 + len(value)))
            for each in value:
                self.charge(each)
        elif isinstance(value, dict):
            self.spend_work(PER_ITEM * (1 + len(value)))
            for name, each in value.items():
                self.charge(name)
                self.charge(each)
        elif isinstance(value, Sized) and not isinstance(value, Undefined):
            self.spend_work(PER_ITEM * (1 + len(value)))

    def charge_length(self, value: object) -> None:
        """The cost of looking at each item once, but not into it."""
        if isinstance(value, str | bytes):
            self.spend_work(len(value))
        elif isinstance(value, Sized) and not isinstance(value, Undefined):
            self.spend_work(PER_ITEM * len(value))

    def meter(self, items: Iterable[object], *, times: int = 1) -> Iterator[object]:
        """The same items, each paid for so many times when it is taken."""
        for item in items:
            self.spend_work(times * PER_ITEM)
            yield item
