"""The comparison operators of Lambda's filter rules, one leaf value at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

# A leaf of foreign JSON: text, Number, bool or None.
Leaf = Any


class InvalidPattern(ValueError):
    """A pattern that Lambda would refuse."""


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number in its own spelling: 300 and 3.0e2 are different values, and the same quantity."""

    spelling: str

    @property
    def quantity(self) -> Decimal:
        """What it counts; not a number, and so greater or less than nothing, beyond what decimals can hold."""
        try:
            return Decimal(self.spelling)
        except InvalidOperation:
            return Decimal("NaN")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a leaf must satisfy; `if_absent` answers for a field that is not there."""

    matches: Callable[[Leaf], bool]
    if_absent: bool = False


def parse_rule(rule: Leaf) -> Rule:
    """A value to equal, or an object with one operator. Raises InvalidPattern."""
    if isinstance(rule, str | Number | bool) or rule is None:
        return Rule(lambda leaf: _same(leaf, rule))
    if isinstance(rule, dict) and len(rule) == 1:
        ((operator, operand),) = rule.items()
        if operator in _OPERATORS:
            return _OPERATORS[operator](operand)
    raise InvalidPattern(f"not a rule: {rule!r}; operators are {', '.join(sorted(_OPERATORS))}")


def _same(leaf: Leaf, value: Leaf) -> bool:
    return type(leaf) is type(value) and bool(leaf == value)


def _text(operand: Leaf, operator: str) -> str:
    if not isinstance(operand, str) or not operand:
        raise InvalidPattern(f"'{operator}' takes a non-empty string")
    return operand


def _prefix(operand: Leaf) -> Rule:
    start = _text(operand, "prefix")
    return Rule(lambda leaf: isinstance(leaf, str) and leaf.startswith(start))


def _suffix(operand: Leaf) -> Rule:
    end = _text(operand, "suffix")
    return Rule(lambda leaf: isinstance(leaf, str) and leaf.endswith(end))


def _equals_ignore_case(operand: Leaf) -> Rule:
    folded = _text(operand, "equals-ignore-case").casefold()
    return Rule(lambda leaf: isinstance(leaf, str) and leaf.casefold() == folded)


def _anything_but(operand: Leaf) -> Rule:
    values = operand if isinstance(operand, list) else [operand]
    if not values or not all(isinstance(value, str | Number) for value in values):
        raise InvalidPattern("'anything-but' takes a string, a number, or a list of them")
    return Rule(lambda leaf: not any(_same(leaf, value) for value in values))


def _exists(operand: Leaf) -> Rule:
    if not isinstance(operand, bool):
        raise InvalidPattern("'exists' takes true or false")
    return Rule(lambda _: operand, if_absent=not operand)


def _numeric(operand: Leaf) -> Rule:
    if not isinstance(operand, list) or len(operand) not in {2, 4}:
        raise InvalidPattern('\'numeric\' takes one comparison or two: [">", 0] or [">", 0, "<=", 5]')
    comparisons = [_comparison(operand[at], operand[at + 1]) for at in range(0, len(operand), 2)]
    return Rule(lambda leaf: isinstance(leaf, Number) and all(holds(leaf.quantity) for holds in comparisons))


def _comparison(sign: Leaf, bound: Leaf) -> Callable[[Decimal], bool]:
    if not isinstance(sign, str) or sign not in _COMPARISONS or not isinstance(bound, Number):
        raise InvalidPattern("'numeric' compares by = < <= > >= with a number")
    compare, quantity = _COMPARISONS[sign], bound.quantity
    return lambda value: not value.is_nan() and compare(value, quantity)


_COMPARISONS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}

_OPERATORS: dict[str, Callable[[Leaf], Rule]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "anything-but": _anything_but,
    "exists": _exists,
    "numeric": _numeric,
}
