"""Whatever an event holds, it becomes messages that can be moved and stored; nothing in it stops a function."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.handlers.queue import LONGEST_ID_BYTES, read_event

EVENTS = sorted((Path(__file__).parents[1] / "events").glob("aws_rmq_*.json"))

any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=300)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=12,
)
records = anything | st.fixed_dictionaries(
    {},
    optional={
        "basicProperties": anything
        | st.fixed_dictionaries(
            {},
            optional={
                "messageId": anything,
                "correlationId": anything,
                "headers": anything
                | st.dictionaries(any_text, anything | st.fixed_dictionaries({"bytes": st.lists(anything)})),
            },
        ),
        "redelivered": anything,
        "data": anything | st.binary().map(lambda body: base64.b64encode(body).decode()),
    },
)
events = st.fixed_dictionaries(
    {}, optional={"rmqMessagesByQueue": anything | st.dictionaries(any_text, anything | st.lists(records, max_size=3))}
)


def storable_and_sendable(text: str | None) -> bool:
    return text is None or ("\0" not in text and text.encode().decode() == text)


@given(events)
def test_any_event_becomes_messages_that_a_row_and_a_broker_can_hold(event: dict[str, Any]) -> None:
    for received in read_event(event):
        texts = [received.queue, received.message_id, received.correlation_id, *received.headers.values()]
        assert all(storable_and_sendable(text) for text in texts)
        for identifier in (received.message_id, received.correlation_id):
            assert identifier is None or 1 <= len(identifier.encode()) <= LONGEST_ID_BYTES


@given(st.lists(st.binary(), max_size=5))
def test_every_body_arrives_as_it_was_sent_and_in_order(bodies: list[bytes]) -> None:
    encoded = [{"data": base64.b64encode(body).decode()} for body in bodies]
    received = read_event({"rmqMessagesByQueue": {"email.queue::/": encoded}})
    assert [one.body for one in received] == bodies
    assert {one.queue for one in received} <= {"email.queue"}


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: str(path.stem))
def test_the_documented_events_are_read(path: Path) -> None:
    event = json.loads(path.read_text())
    expected = sum(len(records) for records in event["rmqMessagesByQueue"].values())
    assert len(read_event(event)) == expected > 0


def test_a_header_that_came_as_bytes_is_a_text() -> None:
    record = {"basicProperties": {"headers": {"x": {"bytes": [104, 105]}, "y": 7, "z": "plain"}}, "data": ""}
    (received,) = read_event({"rmqMessagesByQueue": {"q::/": [record]}})
    assert received.headers == {"x": "hi", "z": "plain"}


@pytest.mark.parametrize("data", ["not base64!", "päckchen", "abc", "\ud800"])
def test_a_body_that_lambda_did_not_encode_is_kept_as_it_came(data: str) -> None:
    (received,) = read_event({"rmqMessagesByQueue": {"q::/": [{"data": data}]}})
    assert received.body == data.encode(errors="surrogatepass")
