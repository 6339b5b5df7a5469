"""The edge of the queue functions: a RabbitMQ event of the event source mapping becomes messages.

The shape is Lambda's "Using Lambda with Amazon MQ": `rmqMessagesByQueue: {"queue::vhost": [{basicProperties,
redelivered, data}]}`, where data is base64, a string header comes as `{"bytes": […]}`, and any property may be null.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.domain.messages import Received
from chalicelib.domain.storable import storable

LONGEST_ID_BYTES = 255  # AMQP's short string


def read_event(event: Mapping[str, Any]) -> list[Received]:  # Any: Lambda's JSON, read with distrust below
    """Every message of the event, in the order of each queue. What a foreign sender left out reads as None."""
    return list(_read_all(_object(event.get("rmqMessagesByQueue"))))


def _read_all(by_queue: Mapping[str, Any]) -> Iterator[Received]:
    for source, records in by_queue.items():
        queue, _, _ = storable(source).partition("::")
        for record in records if isinstance(records, list) else ():
            yield _read(queue, _object(record))


def _read(queue: str, record: Mapping[str, Any]) -> Received:
    properties = _object(record.get("basicProperties"))
    return Received(
        queue=queue,
        body=_bytes(record.get("data")),
        message_id=_identifier(properties.get("messageId")),
        correlation_id=_identifier(properties.get("correlationId")),
        headers=_headers(_object(properties.get("headers"))),
        redelivered=bool(record.get("redelivered")),
    )


def _object(value: object) -> Mapping[str, Any]:  # Any: what Lambda, or a foreign sender, put there
    return value if isinstance(value, Mapping) else {}


def _bytes(text: object) -> bytes:
    """The body; what is not base64 was not made by Lambda, and is kept as it came."""
    if not isinstance(text, str):
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return text.encode(errors="surrogatepass")


def _identifier(text: object) -> str | None:
    """An identifier that fits into a short string again, and into a row."""
    if not isinstance(text, str) or not text:
        return None
    return storable(text).encode()[:LONGEST_ID_BYTES].decode(errors="ignore")


def _headers(headers: Mapping[str, Any]) -> dict[str, str]:  # Any: as above
    """The headers that are texts; a byte array is Lambda's form of one."""
    texts = {name: _header_text(value) for name, value in headers.items()}
    return {name: storable(text) for name, text in texts.items() if text is not None}


def _header_text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and isinstance(value.get("bytes"), list):
        try:
            return bytes(byte % 256 for byte in value["bytes"]).decode("utf-8", errors="replace")
        except TypeError:
            return None
    return None
