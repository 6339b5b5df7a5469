"""Where templates run: they reach nothing but their variables, and end soon whatever they say.

Jinja2's immutable sandbox keeps them from Python's internals. What it does not bound is bounded here: the number of
loop rounds and macro calls, and the characters that concatenation makes, are drawn from one `Budget` per rendering;
filters and methods that make much out of little are absent, or check their arguments first.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import Context
from jinja2.sandbox import (
    UNSAFE_COROUTINE_ATTRIBUTES,
    UNSAFE_FUNCTION_ATTRIBUTES,
    UNSAFE_GENERATOR_ATTRIBUTES,
    UNSAFE_METHOD_ATTRIBUTES,
    ImmutableSandboxedEnvironment,
)
from jinja2.utils import pass_context
from jinja2.visitor import NodeTransformer

MAX_ROUNDS = 20_000
MAX_RANGE = 10_000
MAX_MADE_CHARACTERS = 2 * 1024 * 1024
BUDGET = "_budget"

_FILTERS = frozenset(
    {
        "abs",
        "capitalize",
        "count",
        "d",
        "default",
        "dictsort",
        "e",
        "escape",
        "first",
        "float",
        "forceescape",
        "groupby",
    }
    | {
        "int",
        "items",
        "last",
        "length",
        "list",
        "lower",
        "map",
        "max",
        "min",
        "reject",
        "rejectattr",
        "reverse",
        "safe",
    }
    | {"select", "selectattr", "sort", "string", "striptags", "sum", "title", "trim", "truncate", "unique", "upper"}
    | {"urlencode", "wordcount"}
)
_GLOBALS = frozenset({"range", "namespace", "cycler", "joiner", "dict"})
_GROWING_METHODS = frozenset(
    {"format", "format_map", "ljust", "rjust", "center", "zfill", "replace", "expandtabs", "translate", "join"}
)
_UNSAFE_NAMES = frozenset().union(
    UNSAFE_FUNCTION_ATTRIBUTES,
    UNSAFE_METHOD_ATTRIBUTES,
    UNSAFE_GENERATOR_ATTRIBUTES,
    UNSAFE_COROUTINE_ATTRIBUTES,
    {"mro"},
)
_WIDE_FORMAT = re.compile(r"%[^a-zA-Z%]*(?:\*|\d{3,})")


class Budget:
    """What one rendering may still do."""

    def __init__(self) -> None:
        self._rounds = MAX_ROUNDS
        self._characters = MAX_MADE_CHARACTERS

    def spend_round(self) -> None:
        self._rounds -= 1
        if self._rounds < 0:
            raise SecurityError("the template takes too many rounds")

    def spend_characters(self, count: int) -> None:
        self._characters -= count
        if self._characters < 0:
            raise SecurityError("the template makes too much text")


class Sandbox(ImmutableSandboxedEnvironment):
    """One for HTML and one for everything else. Shared by all threads."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=autoescape, cache_size=0)
        own = {"join": _join, "replace": _replace, "format": _format, "round": _rounded}
        own |= {"_round": _round, "_charged": _charged}
        self.filters = {name: FILTERS[name] for name in _FILTERS} | own
        self.globals = {name: value for name, value in self.globals.items() if name in _GLOBALS}
        self.globals["range"] = _range

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # Any: Jinja2's own signature
        if isinstance(obj, str) and attr in _GROWING_METHODS:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:  # Any: Jinja2's own signature
        """`str.format` is refused as an attribute; the `format` filter remains."""

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # Any: Jinja2's own signature
        if operator != "+" and not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise SecurityError(f"{operator} works on numbers only")
        if operator == "**" and (abs(right) > 100 or abs(left) > 1_000_000):
            raise SecurityError("the power is too large")
        result = super().call_binop(context, operator, left, right)
        return _charged(context, result)


class Metering(NodeTransformer):
    """Makes a tree draw on the budget: each loop round, each macro call, each concatenation."""

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802 -- Jinja2's own naming
        self.generic_visit(node)
        node.body.insert(0, _round_of(node))
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Macro:  # noqa: N802
        self.generic_visit(node)
        node.body.insert(0, _round_of(node))
        return node

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.AssignBlock:  # noqa: N802
        self.generic_visit(node)
        node.filter = _charge(node.filter, node.lineno)
        return node

    def _charge_value(self, node: nodes.Expr) -> nodes.Filter:
        self.generic_visit(node)
        return _charge(node, node.lineno)

    visit_Concat = visit_Call = visit_List = visit_Dict = _charge_value  # noqa: N815

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802
        return self._charge_value(node) if node.ctx == "load" else node


def is_unsafe_name(name: str) -> bool:
    """Whether an attribute of this name leads out of the variables."""
    return name.startswith("_") or name in _UNSAFE_NAMES


def _charge(value: nodes.Expr | None, lineno: int) -> nodes.Filter:
    return nodes.Filter(value, "_charged", [], [], None, None, lineno=lineno)


def _round_of(node: nodes.Node) -> nodes.ExprStmt:
    nothing = nodes.Const(None, lineno=node.lineno)
    metered = nodes.Filter(nothing, "_round", [], [], None, None, lineno=node.lineno)
    return nodes.ExprStmt(metered, lineno=node.lineno)


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise SecurityError(f"a range may have {MAX_RANGE} numbers at most")
    return numbers


@pass_context
def _round(context: Context, value: None) -> None:
    context[BUDGET].spend_round()
    return value


@pass_context
def _charged(context: Context, value: Any) -> Any:  # Any: whatever an expression makes
    _charge_for(value, context[BUDGET])
    return value


def _charge_for(value: object, budget: Budget) -> None:
    """A list costs what showing it would: the same list twice in another costs twice, and so on without end."""
    if isinstance(value, str):
        budget.spend_characters(len(value))
    elif isinstance(value, list | tuple):
        budget.spend_characters(1 + len(value))
        for each in value:
            _charge_for(each, budget)
    elif isinstance(value, dict):
        _charge_for([*value.items()], budget)


@pass_context
def _join(context: Context, value: Iterable[object], d: str = "", attribute: str | int | None = None) -> str:
    items = [*value] if attribute is None else [context.environment.getitem(item, attribute) for item in value]
    context[BUDGET].spend_characters(len(str(d)) * len(items))
    joined: str = FILTERS["join"](context.eval_ctx, items, d)
    context[BUDGET].spend_characters(len(joined))
    return joined


@pass_context
def _replace(context: Context, s: str, old: str, new: str, count: int = -1) -> str:
    context[BUDGET].spend_characters((len(s) + 1) * max(1, len(str(new))) // max(1, len(str(old))))
    replaced: str = FILTERS["replace"](context.eval_ctx, s, old, new, count if count >= 0 else None)
    return replaced


@pass_context
def _format(context: Context, value: str, *arguments: object) -> str:
    if _WIDE_FORMAT.search(value):
        raise SecurityError("a format may be 99 characters wide at most")
    made = value % arguments
    context[BUDGET].spend_characters(len(made))
    return made


def _rounded(value: float, precision: int = 0, method: str = "common") -> float:
    if abs(precision) > 20:
        raise SecurityError("round takes 20 digits at most")
    rounded: float = FILTERS["round"](value, precision, method)
    return rounded


def with_budget(variables: Mapping[str, Any]) -> dict[str, Any]:  # Any: variables are the client's JSON
    """The variables of one rendering."""
    return {**variables, BUDGET: Budget()}
