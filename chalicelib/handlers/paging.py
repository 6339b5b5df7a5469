"""Cursor paging: where a page ended, in a form that is opaque to callers and bound to the list that it came from."""

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, Field

from chalicelib.domain.failure import Position
from chalicelib.errors import Flaw, InvalidRequest
from chalicelib.handlers.request import RequestModel

_TAG_BYTES = 8
_ID_BYTES = 16
_TIME_BYTES = 8
_TICK = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"0|[1-9][0-9]{0,8}")
_EXAMPLE = "q83vEjRWeJABktPwAABwAIAAAAAAAAAB"

NextCursor = Annotated[
    str | None, Field(examples=[_EXAMPLE], description="`cursor` of the next page; null on the last.")
]


def _number(given: object) -> object:
    """The plain spelling alone, of all that Python takes for a number: no sign, space, underscore or leading zero."""
    if not isinstance(given, str):
        return given
    if not _DIGITS.fullmatch(given):
        raise ValueError("must be a whole number in decimal digits")
    return int(given)


DIGITS = BeforeValidator(_number)
"""Beside every integer in a query."""


class PageQuery(RequestModel):
    """Which part of a list: at most `limit` items, after those that the page with this `next_cursor` ended with."""

    limit: Annotated[int, Field(ge=1, le=200, examples=[50]), DIGITS] = 50
    cursor: Annotated[str | None, Field(max_length=64, examples=[_EXAMPLE])] = None


def encode_cursor(last: UUID, *, of: str) -> str:
    """The cursor after the item `last` of the list that `of` names, filters included."""
    return _written(last.bytes, of)


def decode_cursor(cursor: str | None, *, of: str) -> UUID | None:
    """The item after which the page begins.

    Raises:
        InvalidRequest: it is no cursor, or one of another list.
    """
    return None if cursor is None else UUID(bytes=_read(cursor, of, _ID_BYTES))


def encode_position(last: Position, *, of: str) -> str:
    """The cursor after the item at `last`, in a list that is ordered by another time than that of its identifiers."""
    return _written(((last.at - _EPOCH) // _TICK).to_bytes(_TIME_BYTES, signed=True) + last.id.bytes, of)


def decode_position(cursor: str | None, *, of: str) -> Position | None:
    """The place after which the page begins.

    Raises:
        InvalidRequest: it is no cursor, or one of another list.
    """
    if cursor is None:
        return None
    content = _read(cursor, of, _TIME_BYTES + _ID_BYTES)
    try:
        at = _EPOCH + int.from_bytes(content[:_TIME_BYTES], signed=True) * _TICK
    except OverflowError:
        raise _foreign() from None
    return Position(at, UUID(bytes=content[_TIME_BYTES:]))


def _written(content: bytes, of: str) -> str:
    return base64.urlsafe_b64encode(_tag(of) + content).decode().rstrip("=")


def _read(cursor: str, of: str, size: int) -> bytes:
    try:
        decoded = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != _TAG_BYTES + size or decoded[:_TAG_BYTES] != _tag(of):
        raise _foreign()
    return decoded[_TAG_BYTES:]


def _foreign() -> InvalidRequest:
    return InvalidRequest("The cursor is not of this list.", flaws=[Flaw("cursor", "is not of this list")])


def _tag(of: str) -> bytes:
    return hashlib.sha256(of.encode()).digest()[:_TAG_BYTES]
