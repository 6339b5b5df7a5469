"""Stores what ended in the failed queue, and sends back what does not belong there.

A failed delivery has its record already, written in the transaction that failed it. What is left to do here: keep a
message that nobody can read, with its bytes; and return a message that the broker dead-lettered although its row is
open.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from chalicelib.domain.delivery import Unreadable, Waiting
from chalicelib.domain.failure import OF_MESSAGES, FailureReason
from chalicelib.domain.messages import (
    QUEUE_HEADER,
    REASON_HEADER,
    DeliveryMessage,
    Received,
    decode_message,
    dispatch_of,
)
from chalicelib.domain.notification import WAITING, Status
from chalicelib.errors import BrokerUnavailable, MalformedMessage
from chalicelib.services.ports import Archive, Clock, Courier, Log

PUBLISH_TIMEOUT_S = 5.0


def archive(received: Sequence[Received], *, records: Archive, courier: Courier, clock: Clock, log: Log) -> None:
    """Bring every message of the batch to a state in which it may be acknowledged. Repeating it changes nothing.

    Raises:
        DatabaseUnavailable: nothing could be looked up or stored.
        BrokerUnavailable: a message could not be returned to its lane.
    """
    read = [(one, _read(one)) for one in received]
    messages = [message for _, message in read if message is not None]
    states = records.find_states({message.delivery_id for message in messages})
    unreadable = [
        _unreadable(one, FailureReason.MALFORMED_MESSAGE if message is None else FailureReason.UNKNOWN_DELIVERY)
        for one, message in read
        if message is None or message.delivery_id not in states
    ]
    if unreadable:
        records.keep_unreadable(unreadable, at=clock())
        log.error("message_archived", count=len(unreadable))
        log.count("message_archived", len(unreadable))
    _return_open(states, messages, courier=courier, clock=clock, log=log)


def _read(received: Received) -> DeliveryMessage | None:
    try:
        return decode_message(received.body)
    except MalformedMessage:
        return None


def _unreadable(received: Received, reason: str) -> Unreadable:
    told = received.headers.get(REASON_HEADER)
    return Unreadable(
        queue=received.headers.get(QUEUE_HEADER, received.queue),
        reason=told if told in OF_MESSAGES else reason,
        detail=f"{len(received.body)} bytes",
        body=received.body,
        message_id=received.message_id,
        correlation_id=received.correlation_id,
    )


def _return_open(
    states: Mapping[UUID, tuple[Status, Waiting]],
    messages: Sequence[DeliveryMessage],
    *,
    courier: Courier,
    clock: Clock,
    log: Log,
) -> None:
    """A dead-lettered message whose row still waits, and whose ticket it bears, goes back to its lane."""
    tickets = {(message.delivery_id, message.ticket) for message in messages}
    rows = [row for status, row in states.values() if status in WAITING and (row.delivery_id, row.ticket) in tickets]
    if not rows:
        return
    dispatches = [dispatch_of(row.message(published_at=clock()), lane=row.lane) for row in rows]
    if len(courier.publish(dispatches, timeout_s=PUBLISH_TIMEOUT_S)) < len(rows):
        raise BrokerUnavailable("RabbitMQ: a lane did not confirm a returned message")
    log.warning("message_returned", count=len(rows))
