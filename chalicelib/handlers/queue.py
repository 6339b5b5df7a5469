"""The edge of the queue functions: a RabbitMQ event of the event source mapping becomes messages.

The shape is Lambda's "Using Lambda with Amazon MQ": `rmqMessagesByQueue: {"queue::vhost": [{basicProperties, redelivered,
data}]}`, where data is base64, a string header comes as `{"bytes": […]}`, and any property may be null.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.domain.messages import Received

LONGEST_ID = 255


def read_event(event: Mapping[str, Any]) -> list[Received]:  # Any: Lambda's JSON, read with distrust below
    """Every message of the event, in the order of each queue. What a foreign sender left out reads as None."""
    return list(_read_all(event.get("rmqMessagesByQueue") or {}))


def _read_all(by_queue: Mapping[str, Any]) -> Iterator[Received]:
    for source, records in by_queue.items():
        queue, _, _ = source.partition("::")
        for record in records:
            yield _read(queue, record)


def _read(queue: str, record: Mapping[str, Any]) -> Received:
    properties = record.get("basicProperties") or {}
    return Received(
        queue=queue,
        body=_bytes(record.get("data")),
        message_id=_identifier(properties.get("messageId")),
        correlation_id=_identifier(properties.get("correlationId")),
        headers=_headers(properties.get("headers")),
        redelivered=bool(record.get("redelivered")),
    )


def _bytes(text: object) -> bytes:
    """The body; what is not base64 was not made by Lambda, and is kept as it came."""
    if not isinstance(text, str):
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return text.encode()


def _identifier(text: object) -> str | None:
    return text[:LONGEST_ID] if isinstance(text, str) and text else None


def _headers(headers: object) -> dict[str, str]:
    """The headers that are texts; a byte array is Lambda's form of one."""
    if not isinstance(headers, Mapping):
        return {}
    texts = {name: _header_text(value) for name, value in headers.items()}
    return {name: text for name, text in texts.items() if text is not None}


def _header_text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("bytes"), list):
        try:
            return bytes(byte % 256 for byte in value["bytes"]).decode("utf-8", errors="replace")
        except TypeError:
            return None
    return None
