"""What a text must be like for PostgreSQL to hold it: neither `text` nor `jsonb` takes NUL or half a surrogate pair."""

from typing import overload

REPLACEMENT = "\ufffd"


@overload
def storable(text: str) -> str: ...


@overload
def storable(text: None) -> None: ...


def storable(text: str | None) -> str | None:
    """The text with U+FFFD in place of each character that cannot be stored. For what others said."""
    if text is None:
        return None
    return text.replace("\0", REPLACEMENT).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
