"""What is past its retention, which months there are, and how much goes at a time."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.identity import new_id, sibling_id
from chalicelib.domain.retention import AUDIT_DAYS, Aged, Horizons, Month, months_ahead, portions

MOMENTS = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001  hypothesis gives it its time zone
    max_value=datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def aged(*rows: int, kept: bool = False) -> list[Aged]:
    return [Aged(UUID(int=place), each, kept) for place, each in enumerate(rows, start=1)]


@given(MOMENTS)
def test_every_moment_lies_in_its_month_and_so_does_its_identifier(at: datetime) -> None:
    month = Month.of(at)
    assert month.begins <= at < month.ends
    assert (month.begins.month, month.begins.year) == (at.month, at.year)
    assert month.keys.first <= sibling_id(new_id(at)) < month.following.keys.end
    assert month.keys.end == month.following.keys.first
    assert Month.named(month.name) == month


def test_a_month_is_one_in_utc() -> None:
    new_year_in_tokyo = datetime(2027, 1, 1, 3, tzinfo=timezone(timedelta(hours=9)))
    assert Month.of(new_year_in_tokyo).name == "2026_12"


@pytest.mark.parametrize("name", ["default", "2026_13", "2026_3", "2026", "", "2026_03_old"])
def test_what_is_named_otherwise_is_no_month(name: str) -> None:
    assert Month.named(name) is None


@pytest.mark.parametrize("day", [1, 31])
def test_the_months_ahead_follow_each_other_from_whatever_day(day: int) -> None:
    names = [month.name for month in months_ahead(datetime(2026, 12, day, tzinfo=UTC))]
    assert names == ["2026_12", "2027_01", "2027_02", "2027_03"]


def test_a_month_has_passed_when_its_last_moment_is_older_than_the_retention() -> None:
    month = Month.of(datetime(2026, 3, 5, tzinfo=UTC))
    ended = datetime(2026, 4, 1, tzinfo=UTC) + timedelta(days=90)
    assert Horizons.at(ended, retention_days=90).passed(month)
    assert not Horizons.at(ended - timedelta(milliseconds=1), retention_days=90).passed(month)


def test_the_audit_trail_outlives_what_it_tells_of() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert Horizons.at(now, retention_days=1).audit == now - timedelta(days=AUDIT_DAYS)
    assert Horizons.at(now, retention_days=36_500).audit == now - timedelta(days=36_500)


@given(st.lists(st.integers(min_value=1, max_value=40)))
def test_portions_hold_everything_once_in_order_and_not_too_much_of_it(rows: list[int]) -> None:
    weights = {one.notification_id: one.rows for one in aged(*rows)}
    made = list(portions(aged(*rows), most_rows=100))
    assert [one for portion in made for one in portion] == list(weights)
    assert all(0 < sum(weights[one] for one in portion) <= 100 for portion in made)


def test_what_is_too_much_by_itself_is_a_portion_of_its_own() -> None:
    made = [len(portion) for portion in portions(aged(10, 5_000, 10, 10), most_rows=100)]
    assert made == [1, 1, 2]


def test_what_is_kept_is_in_no_portion() -> None:
    assert list(portions(aged(1, 2, 3, kept=True), most_rows=100)) == []
