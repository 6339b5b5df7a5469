"""Where templates run: they reach nothing but their variables, and end soon whatever they say.

Jinja2's immutable sandbox keeps them from Python's internals. What it does not bound is bounded here and beside: what
may be reached on a value is listed, numbers stay small, and everything that is made is drawn from one `Budget` per
rendering. Partials are found only among those that the version was fixed to.
"""

import copy
from collections.abc import Mapping
from typing import Any, cast

from jinja2 import StrictUndefined, Template
from jinja2.exceptions import SecurityError
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference
from jinja2.sandbox import (
    UNSAFE_COROUTINE_ATTRIBUTES,
    UNSAFE_FUNCTION_ATTRIBUTES,
    UNSAFE_GENERATOR_ATTRIBUTES,
    UNSAFE_METHOD_ATTRIBUTES,
    ImmutableSandboxedEnvironment,
)
from jinja2.utils import Cycler, Joiner, Namespace, pass_context

from chalicelib.domain.template_budget import BUDGET, Budget
from chalicelib.domain.template_filters import allowed_filters, allowed_tests
from chalicelib.domain.template_metering import metering_filters

MAX_RANGE = 10_000
MAX_INTEGER_BITS = 4096

_GLOBALS = frozenset({"namespace", "cycler", "joiner", "dict"})
_UNSAFE_NAMES = frozenset().union(
    UNSAFE_FUNCTION_ATTRIBUTES,
    UNSAFE_METHOD_ATTRIBUTES,
    UNSAFE_GENERATOR_ATTRIBUTES,
    UNSAFE_COROUTINE_ATTRIBUTES,
    {"mro"},
)
_OF_STRINGS = frozenset(
    [
        "capitalize",
        "casefold",
        "count",
        "endswith",
        "find",
        "index",
        "isalnum",
        "isalpha",
        "isascii",
        "isdecimal",
        "isdigit",
        "isidentifier",
        "islower",
        "isnumeric",
        "isprintable",
        "isspace",
        "istitle",
        "isupper",
        "lower",
        "lstrip",
        "partition",
        "removeprefix",
        "removesuffix",
        "rfind",
        "rindex",
        "rpartition",
        "rsplit",
        "rstrip",
        "split",
        "splitlines",
        "startswith",
        "strip",
        "swapcase",
        "title",
        "upper",
    ]
)
_OF_MAPPINGS = frozenset({"get", "items", "keys", "values"})
_REACHABLE: tuple[tuple[type | tuple[type, ...], frozenset[str]], ...] = (
    (str, _OF_STRINGS),
    (dict, _OF_MAPPINGS),
    ((list, tuple), frozenset({"count", "index"})),
    (float, frozenset({"is_integer"})),
)
_OWN = (LoopContext, Namespace, Cycler, Joiner, BlockReference, TemplateReference, Macro)
"""What Jinja2 itself puts into a template; the rest of Python has no attributes here at all."""


class Sandbox(ImmutableSandboxedEnvironment):
    """One for HTML and one for everything else. Shared by all threads."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, *, autoescape: bool) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=autoescape,
            cache_size=0,
            finalize=_finalize,
            optimized=False,  # it folds again at every level of an expression
        )
        self.filters = cast(
            Any, allowed_filters() | metering_filters()
        )  # Any: Jinja2 says "function", which is no type
        self.tests = cast(Any, allowed_tests())
        self.globals = {name: value for name, value in self.globals.items() if name in _GLOBALS}
        self.globals["range"] = _range
        self._partials: Mapping[str, Template] = {}

    def with_partials(self, partials: Mapping[str, Template]) -> "Sandbox":
        """The same sandbox, for a template that includes these and nothing else."""
        sandbox = copy.copy(self)
        sandbox.__dict__["_partials"] = partials
        return sandbox

    def get_template(self, name: Any, *_: Any) -> Template:  # Any: Jinja2's own signature
        """The partial of this code. What compiled names only codes that are there."""
        return self._partials[name]

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # Any: Jinja2's own signature
        for kinds, names in _REACHABLE:
            if isinstance(obj, kinds):
                return attr in names
        return isinstance(obj, _OWN) and super().is_safe_attribute(obj, attr, value)

    def getattr(self, obj: Any, attribute: str) -> Any:  # Any: Jinja2's own signature
        """What the client put into a mapping wins over those methods of Python's that may not be used anyway."""
        if isinstance(obj, dict) and attribute in obj and attribute not in _OF_MAPPINGS:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def wrap_str_format(self, value: Any) -> None:  # Any: Jinja2's own signature
        """`str.format` is refused as an attribute; the `format` filter remains."""

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # Any: Jinja2's own signature
        if operator != "+" and not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise SecurityError(f"{operator} works on numbers only")
        if operator == "**" and (abs(right) > 100 or abs(left) > 1_000_000):
            raise SecurityError("the power is too large")
        result = super().call_binop(context, operator, left, right)
        if not isinstance(result, int):
            context[BUDGET].charge(result)
        elif result.bit_length() > MAX_INTEGER_BITS:
            raise SecurityError("the number is too large")
        return result


def is_unsafe_name(name: str) -> bool:
    """Whether an attribute of this name leads out of the variables."""
    return name.startswith("_") or name in _UNSAFE_NAMES


def with_budget(variables: Mapping[str, Any]) -> dict[str, Any]:  # Any: variables are the client's JSON
    """The variables of one rendering."""
    return {**variables, BUDGET: Budget()}


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise SecurityError(f"a range may have {MAX_RANGE} numbers at most")
    return numbers


@pass_context
def _finalize(context: Context, value: Any) -> Any:  # Any: whatever is shown
    """Pays for what is shown where it is shown: a macro or a block would have gathered gigabytes before it returned."""
    if not isinstance(value, int):
        context[BUDGET].charge(value)
    return value
