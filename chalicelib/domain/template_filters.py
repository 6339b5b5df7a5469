"""The filters and tests that templates may use: all of them draw on the rendering's budget.

Being given the context also keeps Jinja2 from evaluating them when it compiles.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from typing import Any, cast

from jinja2 import Environment, Undefined
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import Context
from jinja2.tests import TESTS
from jinja2.utils import _PassArg, pass_context, pass_environment  # what a filter wants first is nowhere told in public

from chalicelib.domain.template_budget import BUDGET, PER_CALL, PER_ITEM, Budget

Function = Callable[..., Any]  # Any: filters take and make whatever expressions hold

MAX_ATTRIBUTE_STEPS = 5

_CONSTANT = frozenset(
    ["abs", "count", "d", "default", "first", "float", "int", "items", "last", "length", "round", "safe"]
)
"""Filters that take no longer for more."""

_LINEAR = frozenset(
    [
        "capitalize",
        "dictsort",
        "e",
        "escape",
        "forceescape",
        "groupby",
        "list",
        "lower",
        "map",
        "max",
        "min",
        "reject",
        "rejectattr",
        "reverse",
        "select",
        "selectattr",
        "sort",
        "string",
        "title",
        "trim",
        "truncate",
        "unique",
        "upper",
        "urlencode",
        "wordcount",
    ]
)
_BY_ATTRIBUTE = frozenset(["groupby", "map", "max", "min", "rejectattr", "selectattr", "sort", "sum", "unique"])
_ITERATING = _BY_ATTRIBUTE | frozenset({"dictsort", "list", "reject", "select"})
"""Filters to which a string is a list of characters."""

_FREE_TESTS = frozenset(
    [
        "boolean",
        "defined",
        "divisibleby",
        "escaped",
        "even",
        "false",
        "float",
        "integer",
        "iterable",
        "mapping",
        "none",
        "number",
        "odd",
        "sameas",
        "sequence",
        "string",
        "true",
        "undefined",
    ]
)
_COMPARING_TESTS = frozenset(
    [
        "!=",
        "<",
        "<=",
        "==",
        ">",
        ">=",
        "eq",
        "equalto",
        "ge",
        "greaterthan",
        "gt",
        "in",
        "le",
        "lessthan",
        "lower",
        "lt",
        "ne",
        "upper",
    ]
)
_PRICES = {"title": 10, "wordcount": 3, "urlencode": 3}
"""Filters that take longer for a character than others, and how many times."""

_WIDE_FORMAT = re.compile(r"%[^a-zA-Z%]*(?:\*|\d{3,})")


def allowed_filters() -> dict[str, Function]:
    """Every filter by its name."""
    own: dict[str, Function] = {"join": _join, "replace": _replace, "format": _format, "striptags": _striptags}
    own |= {"round": _metered("round", _rounded), "sum": _metered("sum", _sum)}
    known = cast(Mapping[str, Function], FILTERS)
    return {name: _metered(name, known[name]) for name in (_CONSTANT | _LINEAR) - own.keys()} | own


def allowed_tests() -> dict[str, Function]:
    """Every test by its name."""
    known = cast(Mapping[str, Function], TESTS)
    return {name: known[name] for name in _FREE_TESTS} | {
        name: _metered(name, known[name]) for name in _COMPARING_TESTS
    }


def _metered(name: str, function: Function) -> Function:
    wanted, price = _PassArg.from_obj(function), _PRICES.get(name, 1)
    constant, by_attribute, iterating = name in _CONSTANT, name in _BY_ATTRIBUTE, name in _ITERATING

    @pass_context
    def metered(context: Context, *given: Any, **named: Any) -> Any:  # Any: as the function's own
        budget: Budget = context[BUDGET]
        budget.spend_work(PER_CALL)
        for value in (*given, *named.values()):
            if isinstance(value, str):
                budget.spend_work(price * len(value))
            elif not constant:
                budget.charge(value)
        if iterating and given and isinstance(given[0], str):
            budget.spend_work(PER_ITEM * len(given[0]))
        if by_attribute:
            given = (*_paid_ways(budget, given[:1], (*given[1:], *named.values())), *given[1:])
        return _paid(function(*_first(wanted, context), *given, **named), budget, constant=constant)

    return metered


def _first(wanted: object, context: Context) -> tuple[object, ...]:
    if wanted is _PassArg.context:
        return (context,)
    if wanted is _PassArg.eval_context:
        return (context.eval_ctx,)
    return (context.environment,) if wanted is _PassArg.environment else ()


def _paid(made: object, budget: Budget, *, constant: bool) -> object:
    if isinstance(made, Iterator):
        return budget.meter(made)
    if not constant:
        budget.charge_length(made)
    return made


def _paid_ways(budget: Budget, reached: Iterable[object], values: Iterable[object]) -> Iterator[object]:
    """What is reached into. Each step to an attribute costs as much as an item, for every item."""
    steps = [value.count(".") + value.count(",") for value in values if isinstance(value, str)]
    if max(steps, default=0) > MAX_ATTRIBUTE_STEPS:
        raise SecurityError(f"an attribute may be {MAX_ATTRIBUTE_STEPS} steps away at most")
    for each in reached:
        if isinstance(each, Iterator):
            yield budget.meter(each, times=1 + sum(steps))
        else:
            if isinstance(each, Sized) and not isinstance(each, Undefined):
                budget.spend_work(PER_ITEM * len(each) * (1 + sum(steps)))
            yield each


@pass_context
def _join(context: Context, value: Iterable[object], d: str = "", attribute: str | int | None = None) -> str:
    budget: Budget = context[BUDGET]
    items = [*value] if attribute is None else [context.environment.getitem(item, attribute) for item in value]
    budget.spend_work(PER_CALL + len(str(d)) * len(items))
    budget.charge(items)
    joined: str = FILTERS["join"](context.eval_ctx, items, d)
    return joined


@pass_context
def _replace(context: Context, s: str, old: str, new: str, count: int = -1) -> str:
    budget: Budget = context[BUDGET]
    budget.spend_work(PER_CALL + (len(s) + 1) * max(1, len(str(new))) // max(1, len(str(old))) + len(s))
    replaced: str = FILTERS["replace"](context.eval_ctx, s, old, new, count if count >= 0 else None)
    return replaced


@pass_context
def _format(context: Context, value: str, *arguments: object) -> str:
    budget: Budget = context[BUDGET]
    budget.charge((value, *arguments))
    if _WIDE_FORMAT.search(value):
        raise SecurityError("a format may be 99 characters wide at most")
    made = value % arguments
    budget.spend_work(PER_CALL + len(made))
    return made


@pass_context
def _striptags(context: Context, value: object) -> str:
    """Jinja2's way copies the text once for every tag, and here that is what it costs."""
    text = str(value)
    context[BUDGET].spend_work(PER_CALL + len(text) + len(text) * text.count("<") // 100)
    stripped: str = FILTERS["striptags"](text)
    return stripped


def _rounded(value: float, precision: int = 0, method: str = "common") -> float:
    if abs(precision) > 20:
        raise SecurityError("round takes 20 digits at most")
    rounded: float = FILTERS["round"](value, precision, method)
    return rounded


@pass_environment
def _sum(environment: Environment, value: Iterable[Any], attribute: str | int | None = None, start: float = 0) -> Any:
    """Of numbers only: lists that are added up are copied again and again."""
    if not isinstance(start, int | float):
        raise SecurityError("sum begins with a number")
    return FILTERS["sum"](environment, value, attribute, start)
