"""Texts of others that a row can hold."""

import json

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.storable import storable

any_text = st.text(st.characters(codec=None, exclude_categories=()))


@given(any_text)
def test_a_storable_text_has_neither_nul_nor_half_a_pair(text: str) -> None:
    kept = storable(text)
    assert "\0" not in kept
    assert kept.encode().decode() == kept
    assert "\\u0000" not in json.dumps({"text": kept}).replace("\\\\", "")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert storable(text) == text


def test_nothing_stays_nothing() -> None:
    assert storable(None) is None
