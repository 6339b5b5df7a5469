"""What a scenario came to: figures, each with what is asked of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`holds` tells whether the value is as it is wanted; without a wish it is only told."""

    name: str
    value: object
    wanted: str = ""
    holds: bool = True


def at_most(name: str, value: float, most: float) -> Figure:
    """A figure with an upper bound."""
    return Figure(name, value, f"≤ {most:g}", holds=value <= most)


def exactly(name: str, value: object, wanted: object) -> Figure:
    """A figure that has one right value."""
    return Figure(name, value, f"= {wanted}", holds=value == wanted)


def tell(figures: Sequence[Figure], say: Callable[[str], None]) -> bool:
    """Print the table; whether every figure is as it is wanted."""
    say("\n| figure | value | wanted | |\n|---|---|---|---|")
    for each in figures:
        say(f"| {each.name} | {each.value} | {each.wanted} | {'' if each.holds else 'FAILED'} |")
    passed = all(each.holds for each in figures)
    say(f"\n{'passed' if passed else 'FAILED'}")
    return passed
