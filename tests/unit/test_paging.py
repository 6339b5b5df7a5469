"""Cursors: opaque, of one list, and of one place in it."""

import base64
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from chalicelib.domain.failure import Position
from chalicelib.errors import InvalidRequest
from chalicelib.handlers.paging import decode_cursor, decode_position, encode_cursor, encode_position

LIST, OTHER = "failed of a template", "failed of another"
MOMENTS = [
    datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC),
]


@pytest.mark.parametrize("at", MOMENTS)
def test_a_place_is_found_again_to_the_microsecond(at: datetime) -> None:
    place = Position(at, uuid4())
    assert decode_position(encode_position(place, of=LIST), of=LIST) == place


def test_an_identifier_is_found_again() -> None:
    last = uuid4()
    assert decode_cursor(encode_cursor(last, of=LIST), of=LIST) == last


def test_the_first_page_has_no_cursor() -> None:
    assert decode_position(None, of=LIST) is None
    assert decode_cursor(None, of=LIST) is None


def _forged() -> str:
    """The right list, and a time that is none."""
    known = encode_position(Position(MOMENTS[0], UUID(int=0)), of=LIST)
    content = base64.urlsafe_b64decode(known + "=")
    return base64.urlsafe_b64encode(content[:8] + b"\x7f" + b"\xff" * 7 + content[16:]).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "?", "q83v", _forged()),
        encode_position(Position(MOMENTS[0], UUID(int=0)), of=OTHER),
        encode_cursor(UUID(int=0), of=LIST),
    ],
)
def test_what_is_no_cursor_of_this_list_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        decode_position(cursor, of=LIST)
