"""Before every invocation of every function: what is built from secrets is built from those of now."""

from collections.abc import Callable
from typing import Any

from chalicelib.errors import InvalidSettings
from chalicelib.wiring.renewal import doubt, renew


def with_current_secrets(event: Any, proceed: Callable[[Any], Any]) -> Any:  # Any: Chalice's, handed through
    """A middleware of Chalice for all kinds of events."""
    renew()
    try:
        return proceed(event)
    except InvalidSettings:
        doubt()
        raise
