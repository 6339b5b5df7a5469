"""When a failed attempt is repeated, and when somebody asks again for whom there was none."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.retry import LONGEST_DEFERRAL_S, LONGEST_WISH_S, RetryDelays, deferral_s


@given(st.sets(st.integers(1, 86_400), min_size=1, max_size=8))
def test_each_attempt_but_the_last_has_its_delay(delays_s: set[int]) -> None:
    ordered = sorted(delays_s)
    delays = RetryDelays.parse(",".join(map(str, ordered)))
    assert [delays.after(attempt) for attempt in range(1, len(ordered) + 2)] == [*ordered, None]


@pytest.mark.parametrize("attempt", [-1, 0, 4, 1_000_000])
def test_no_other_number_of_attempts_has_a_delay(attempt: int) -> None:
    assert RetryDelays((5, 25, 125)).after(attempt) is None


@pytest.mark.parametrize("text", ["", "five", "5,,25", "0", "-1", "5,5", "25,5", "86401", "1.5", "5;25", "nan"])
def test_a_list_that_does_not_grow_in_whole_seconds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="retry delays"):
        RetryDelays.parse(text)


@given(st.text())
def test_any_other_text_is_refused_in_the_same_way(text: str) -> None:
    try:
        delays = RetryDelays.parse(text)
    except ValueError:
        return
    assert all(later > earlier for earlier, later in zip(delays.delays_s, delays.delays_s[1:], strict=False))


IDS, DEFERRALS = st.uuids(), st.integers(0, 10_000)
WISHES_S = st.floats(min_value=0, allow_nan=False)


@given(DEFERRALS, IDS)
def test_deferrals_double_from_five_seconds_to_a_quarter_of_an_hour(deferrals: int, delivery_id: UUID) -> None:
    spread = deferral_s(0, delivery_id) / 5
    assert 1 <= spread < 1.5
    assert deferral_s(deferrals, delivery_id) == pytest.approx(min(5 * 2**deferrals, LONGEST_DEFERRAL_S) * spread)


@given(DEFERRALS, IDS, WISHES_S)
def test_nobody_comes_back_before_it_makes_sense_nor_waits_for_more_than_a_day_and_its_spread(
    deferrals: int, delivery_id: UUID, at_least_s: float
) -> None:
    wait_s = deferral_s(deferrals, delivery_id, at_least_s=at_least_s)
    assert min(at_least_s, LONGEST_WISH_S) <= wait_s < 1.5 * max(min(at_least_s, LONGEST_WISH_S), LONGEST_DEFERRAL_S)


@given(DEFERRALS, IDS)
def test_a_shorter_end_of_the_doubling_holds(deferrals: int, delivery_id: UUID) -> None:
    assert deferral_s(deferrals, delivery_id, longest_s=60) < 90
