"""The contract of the queues: what a message says, version by version.

A message names a delivery and carries its ticket; what to render rests in PostgreSQL, so no personal datum is in the
broker. A copy whose ticket is not the row's is void, which makes every duplicate harmless.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from chalicelib.domain.notification import Channel
from chalicelib.errors import MalformedMessage

FAILED = "failed"
"""The destination of what no worker can use."""

REASON_HEADER = "x-carillon-reason"
QUEUE_HEADER = "x-carillon-queue"
"""Why a message was moved to the failed queue, and from which."""


class DeliveryMessage(BaseModel):
    """Version 1 of the body. Fields that a later version adds are ignored, so that a rollback can read them."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=False)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    delivery_id: UUID
    notification_id: UUID
    channel: Channel
    ticket: int = Field(ge=1, lt=1 << 63)
    correlation_id: str = Field(min_length=1, max_length=128)
    published_at: AwareDatetime

    def encode(self) -> bytes:
        return self.model_dump_json(by_alias=True).encode()


def compose_message(  # one parameter a field of the contract
    *,
    delivery_id: UUID,
    notification_id: UUID,
    channel: Channel,
    ticket: int,
    correlation_id: str,
    published_at: datetime,
) -> DeliveryMessage:
    return DeliveryMessage(
        schema=1,
        delivery_id=delivery_id,
        notification_id=notification_id,
        channel=channel,
        ticket=ticket,
        correlation_id=correlation_id,
        published_at=published_at,
    )


def decode_message(body: bytes) -> DeliveryMessage:
    """Read a message's body.

    Raises:
        MalformedMessage: it is no delivery message of a version that this code knows. The error does not hold the body.
    """
    try:
        return DeliveryMessage.model_validate_json(body)
    except (ValidationError, UnicodeDecodeError) as error:
        count = error.error_count() if isinstance(error, ValidationError) else 1
        raise MalformedMessage(f"not a delivery message of schema 1 ({count} flaws)") from None


@dataclass(frozen=True, slots=True)
class Received:
    """A message as the mapping handed it over, before anyone has read its body."""

    queue: str
    body: bytes = field(repr=False)
    message_id: str | None = None
    correlation_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A message on its way into the broker: to a lane, to a lane after a fixed delay, or to the failed archive."""

    destination: str
    body: bytes = field(repr=False)
    message_id: str
    correlation_id: str
    delay_s: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def dispatch_of(message: DeliveryMessage, *, lane: str, delay_s: int | None = None) -> Dispatch:
    """The dispatch that carries a delivery message to its lane."""
    return Dispatch(
        destination=lane,
        body=message.encode(),
        message_id=str(message.delivery_id),
        correlation_id=message.correlation_id,
        delay_s=delay_s,
    )
