"""Identifiers that begin with their time, and the range in which their siblings lie."""

from datetime import UTC, datetime
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.identity import new_id, sibling_id, sibling_range

moments = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis adds the zone


@given(moments)
def test_an_identifier_is_a_uuid_of_version_7_that_begins_with_its_millisecond(at: datetime) -> None:
    identifier = new_id(at)
    assert (identifier.version, identifier.variant) == (7, RFC_4122)
    assert abs((identifier.int >> 80) / 1000 - at.timestamp()) <= 0.001


@given(st.uuids())
def test_every_sibling_lies_in_the_range_and_none_beside_it(identifier: UUID) -> None:
    keys = sibling_range(identifier)
    assert keys.first <= sibling_id(identifier) < keys.end
    assert keys.first.int >> 80 == identifier.int >> 80
    assert (keys.end.int - 1) >> 80 == identifier.int >> 80


def test_even_the_largest_identifier_that_a_caller_can_name_has_a_range() -> None:
    largest = UUID(int=(1 << 128) - 1)
    keys = sibling_range(largest)
    assert keys.first <= sibling_id(largest) < keys.end


def test_identifiers_of_one_moment_differ() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    assert len({new_id(at) for _ in range(1000)}) == 1000
