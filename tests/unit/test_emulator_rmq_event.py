"""The `aws:rmq` event has the documented shape, whatever was published."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes.rabbit_mq_event import RabbitMQEvent
from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties

from offline.emulator.rmq_event import build_event, display_time, encode_record, json_size_bytes

EVENTS = sorted((Path(__file__).parents[1] / "events").glob("aws_rmq_*.json"))

PROPERTY_NAMES = {
    "contentType", "contentEncoding", "headers", "deliveryMode", "priority", "correlationId", "replyTo", "expiration",
    "messageId", "timestamp", "type", "userId", "appId", "clusterId", "bodySize",
}  # fmt: skip


def encode(body: bytes = b"", **properties: Any) -> dict[str, Any]:  # Any: BasicProperties' own keywords
    return encode_record(body=body, properties=BasicProperties(**properties), redelivered=False)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_the_sample_events_have_the_shape_that_is_built(path: Path) -> None:
    sample = json.loads(path.read_text())
    ((queue, records),) = sample["rmqMessagesByQueue"].items()
    name, _, virtual_host = queue.partition("::")
    assert build_event(queue=name, virtual_host=virtual_host, records=records) == sample
    for record in records:
        assert set(record) == set(encode())
        assert set(record["basicProperties"]) == PROPERTY_NAMES
        assert record["basicProperties"]["bodySize"] == len(base64.b64decode(record["data"]))


def test_absent_properties_are_null() -> None:
    properties = encode(b"abc")["basicProperties"]
    assert properties.pop("bodySize") == 3
    assert set(properties.values()) == {None}


def test_string_headers_are_byte_arrays_and_numbers_stay_numbers() -> None:
    headers = encode(headers={"text": "value1", "number": 10, "flag": True, "none": None, "ratio": Decimal("0.5")})
    assert headers["basicProperties"]["headers"] == {
        "text": {"bytes": [118, 97, 108, 117, 101, 49]},
        "number": 10,
        "flag": True,
        "none": None,
        "ratio": 0.5,
    }


def test_header_bytes_above_127_are_negative_as_in_java() -> None:
    assert encode(headers={"a": "é"})["basicProperties"]["headers"] == {"a": {"bytes": [-61, -87]}}


def test_headers_nest() -> None:
    at = datetime(2026, 11, 22, 17, 5, tzinfo=UTC)
    headers = encode(headers={"x-death": [{"reason": "expired", "time": at}]})["basicProperties"]["headers"]
    assert headers == {"x-death": [{"reason": {"bytes": list(b"expired")}, "time": "Nov 22, 2026, 5:05:00 PM"}]}


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(1970, 1, 1, 0, 33, 41, tzinfo=UTC), "Jan 1, 1970, 12:33:41 AM"),
        (datetime(2026, 12, 31, 12, 0, 0, tzinfo=UTC), "Dec 31, 2026, 12:00:00 PM"),
        (datetime(2026, 3, 9, 1, 5, 9, tzinfo=timezone(timedelta(hours=2))), "Mar 8, 2026, 11:05:09 PM"),
    ],
)
def test_times_are_display_strings_in_utc(moment: datetime, text: str) -> None:
    assert display_time(moment) == text


@given(body=st.binary(max_size=200), timestamp=st.none() | st.integers(0, 2**64 - 1), text=st.none() | st.text())
def test_any_message_becomes_json_that_holds_its_body(body: bytes, timestamp: int | None, text: str | None) -> None:
    headers = None if text is None else {"header": text.encode("utf-8", "replace")}
    record = encode(body, timestamp=timestamp, headers=headers)
    event = json.loads(json.dumps(build_event(queue="q", virtual_host="/", records=[record])))
    assert event["rmqMessagesByQueue"] == {"q::/": [record]}
    (message,) = RabbitMQEvent(event).rmq_messages_by_queue["q::/"]
    assert base64.b64decode(message.raw_event["data"]) == body


@given(sizes=st.lists(st.integers(0, 50), min_size=1, max_size=20))
def test_the_size_of_an_event_is_that_of_its_envelope_and_its_records(sizes: list[int]) -> None:
    records = [encode(b"x" * size) for size in sizes]
    envelope = json_size_bytes(build_event(queue="q", virtual_host="/", records=[]))
    whole = json_size_bytes(build_event(queue="q", virtual_host="/", records=records))
    assert whole <= envelope + sum(json_size_bytes(record) + len(", ") for record in records)
