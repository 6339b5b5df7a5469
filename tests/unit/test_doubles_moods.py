"""Which moods a double can be put into."""

import pytest

from offline.doubles.mail_scripts import Script, script_for
from offline.doubles.moods import Mode, MoodRefused, Temper, read_mood


def test_a_double_begins_in_the_normal_mood() -> None:
    assert Temper().mode is Mode.NORMAL


@pytest.mark.parametrize("mode", Mode)
def test_every_mode_can_be_asked_for_and_tells_itself(mode: Mode) -> None:
    mood = read_mood({"mode": mode.value})
    assert mood.mode is mode
    assert mood.to_json()["mode"] == mode.value
    assert mood.after_s == {Mode.SLOW: 2.0, Mode.TRICKLING: 1.0}.get(mode, 0.0)


def test_the_delay_can_be_chosen() -> None:
    assert read_mood({"mode": "slow", "after_s": 7}).after_s == 7.0


@pytest.mark.parametrize(
    "asked",
    [
        None,
        "slow",
        [],
        {},
        {"mode": "angry"},
        {"mode": ["slow"]},
        {"mode": "slow", "after": 1},
        {"mode": "slow", "after_s": -1},
        {"mode": "slow", "after_s": "1"},
        {"mode": "slow", "after_s": True},
        {"mode": "slow", "after_s": 3601},
        {"mode": "slow", "after_s": float("nan")},
    ],
)
def test_anything_else_is_refused_with_a_reason(asked: object) -> None:
    with pytest.raises(MoodRefused, match=r"mode|mood|after_s"):
        read_mood(asked)


def test_a_poisonous_recipient_is_a_script() -> None:
    assert script_for("Poison-1@mail.test") is Script.POISON
