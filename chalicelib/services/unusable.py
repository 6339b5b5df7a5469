"""Messages that no row can be found for: told apart from the others, and moved to the failed queue as they are."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from chalicelib.domain.messages import (
    FAILED,
    QUEUE_HEADER,
    REASON_HEADER,
    DeliveryMessage,
    Dispatch,
    Received,
    decode_message,
)
from chalicelib.errors import BrokerUnavailable, MalformedMessage
from chalicelib.services.ports import Claims, Courier, Log

PUBLISH_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Unusable:
    """A message that no row can be found for, and why."""

    received: Received
    reason: str


def decode(received: Sequence[Received]) -> tuple[list[tuple[Received, DeliveryMessage]], list[Unusable]]:
    """Those that can be read, and the others."""
    readable: list[tuple[Received, DeliveryMessage]] = []
    unreadable: list[Unusable] = []
    for one in received:
        try:
            readable.append((one, decode_message(one.body)))
        except MalformedMessage:
            unreadable.append(Unusable(one, "malformed_message"))
    return readable, unreadable


def find_unknown(
    readable: Sequence[tuple[Received, DeliveryMessage]], met: Collection[UUID], claims: Claims
) -> list[Unusable]:
    """Messages about rows that do not exist; `met` were seen to. What else there is, is void: wake_at guards its row.

    Raises:
        DatabaseUnavailable: nobody can tell.
    """
    left = {message.delivery_id for _, message in readable}.difference(met)
    if not left:
        return []
    known = claims.find_known(left)
    return [
        Unusable(received, "unknown_delivery")
        for received, message in readable
        if message.delivery_id in left and message.delivery_id not in known
    ]


def move_to_failed(unusable: Sequence[Unusable], courier: Courier, log: Log) -> None:
    """Hand them to the failed queue, bytes and all, before they are acknowledged here.

    Raises:
        BrokerUnavailable: it did not take all of them.
    """
    if not unusable:
        return
    dispatches = [
        Dispatch(
            destination=FAILED,
            body=one.received.body,
            # handed over again, a message without a name of its own is still the same one
            message_id=one.received.message_id or hashlib.sha256(one.received.body).hexdigest(),
            correlation_id=one.received.correlation_id or "",
            headers={REASON_HEADER: one.reason, QUEUE_HEADER: one.received.queue},
        )
        for one in unusable
    ]
    taken = courier.publish(dispatches, timeout_s=PUBLISH_TIMEOUT_S)
    if len(taken) < len(dispatches):
        raise BrokerUnavailable("RabbitMQ: the failed queue did not confirm")
    for one in unusable:
        log.error("message_unusable", reason=one.reason, queue=one.received.queue, bytes=len(one.received.body))
    log.count("message_unusable", len(unusable))
