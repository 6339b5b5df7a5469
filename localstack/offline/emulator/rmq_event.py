"""The `aws:rmq` event, from AMQP deliveries, as AWS documents it in "Using Lambda with Amazon MQ".

What the documented sample shows of Lambda's Java consumer is kept: absent properties are null, a string header is an
object with its bytes, a time is a display string in UTC such as "Jan 1, 1970, 12:33:41 AM", `bodySize` is the body's.
Java's bytes are signed, so a header byte above 127 comes negative; the sample has only ASCII, so this is inferred.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pika import BasicProperties

from offline.emulator.context import ACCOUNT_ID, REGION

DEFAULT_BROKER_ARN = f"arn:aws:mq:{REGION}:{ACCOUNT_ID}:broker:offline:b-00000000-0000-0000-0000-000000000000"

# AMQP field values nest without limit, and so does the JSON made of them.
Json = Any
Record = dict[str, Json]


def encode_record(*, body: bytes, properties: BasicProperties, redelivered: bool) -> Record:
    """One element of `rmqMessagesByQueue`."""
    return {
        "basicProperties": encode_properties(properties, body_size=len(body)),
        "redelivered": redelivered,
        "data": base64.b64encode(body).decode(),
    }


def encode_properties(properties: BasicProperties, *, body_size: int) -> Record:
    """All documented properties; those that the publisher did not set are null."""
    return {
        "contentType": properties.content_type,
        "contentEncoding": properties.content_encoding,
        "headers": None if properties.headers is None else _encode_table(properties.headers),
        "deliveryMode": properties.delivery_mode,
        "priority": properties.priority,
        "correlationId": properties.correlation_id,
        "replyTo": properties.reply_to,
        "expiration": properties.expiration,
        "messageId": properties.message_id,
        "timestamp": None if properties.timestamp is None else _display_epoch(properties.timestamp),
        "type": properties.type,
        "userId": properties.user_id,
        "appId": properties.app_id,
        "clusterId": properties.cluster_id,
        "bodySize": body_size,
    }


def build_event(
    *, queue: str, virtual_host: str, records: Sequence[Record], broker_arn: str = DEFAULT_BROKER_ARN
) -> Json:
    """The event of one batch of one queue."""
    return {
        "eventSource": "aws:rmq",
        "eventSourceArn": broker_arn,
        "rmqMessagesByQueue": {f"{queue}::{virtual_host}": list(records)},
    }


def json_size_bytes(value: Json) -> int:
    """How much of Lambda's payload limit a value takes."""
    return len(json.dumps(value))


def display_time(moment: datetime) -> str:
    """A time as the documented sample writes it: "Jan 1, 1970, 12:33:41 AM"."""
    utc = moment.astimezone(UTC)
    return f"{utc:%b} {utc.day}, {utc.year}, {utc.hour % 12 or 12}:{utc:%M:%S %p}"


def _display_epoch(epoch_s: int) -> str | None:
    """AMQP's 64 bits reach beyond what a calendar holds; such a time is told as its number."""
    try:
        return display_time(datetime.fromtimestamp(epoch_s, UTC))
    except (OverflowError, ValueError, OSError):
        return str(epoch_s)


def _encode_table(table: Mapping[str, Json]) -> Record:
    return {name: _encode_field(value) for name, value in table.items()}


def _encode_field(value: Json) -> Json:  # noqa: PLR0911 - one answer for each type of AMQP field
    match value:
        case str():
            return _encode_bytes(value.encode())
        case bytes():
            return _encode_bytes(value)
        case datetime():
            return display_time(value.replace(tzinfo=UTC) if value.tzinfo is None else value)
        case Decimal():
            return float(value)
        case Mapping():
            return _encode_table(value)
        case list():
            return [_encode_field(element) for element in value]
        case _:
            return value


def _encode_bytes(content: bytes) -> Record:
    return {"bytes": [byte - 256 if byte > 127 else byte for byte in content]}
