"""When a failed attempt is repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.retry import RetryDelays


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
