"""Delivers a batch of messages: decode, claim, render, send, settle.

The mapping redelivers a whole batch or none of it, so every message is settled for itself, and an error is raised only
when settling is impossible. The function may die on any line: what was claimed comes back when its lease ends, what was
not is redelivered, and a copy's ticket is void.
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass

from chalicelib.channels.base import Deadline, Outgoing, Provider, Receipt
from chalicelib.domain.delivery import Claimed
from chalicelib.domain.messages import (
    FAILED,
    QUEUE_HEADER,
    REASON_HEADER,
    DeliveryMessage,
    Dispatch,
    Received,
    decode_message,
)
from chalicelib.domain.retry import RetryDelays
from chalicelib.errors import (
    BrokerUnavailable,
    CircuitOpen,
    MalformedMessage,
    ProviderMisconfigured,
    ProvidersLeftAlone,
    ProviderUnavailable,
    TransientFailure,
)
from chalicelib.services.ports import Claims, CompiledTemplates, Courier, Log, People, PreferencesOf
from chalicelib.services.readiness import Readiness
from chalicelib.services.settle import Settler, decide, outcome_of, put_back

LEASE_MARGIN_S = 5.0
"""How much longer than its invocation a claim is held."""

ROOM_TO_START_S = 5.0
ROOM_TO_SETTLE_S = 3.0
PUBLISH_TIMEOUT_S = 2.0


def deliver(
    received: Sequence[Received],
    *,
    claims: Claims,
    people: People,
    preferences_of: PreferencesOf,
    compiled: CompiledTemplates,
    providers: Sequence[Provider],
    pool: Executor,
    concurrency: int,
    send_timeout_s: float,
    delays: RetryDelays,
    settler: Settler,
    courier: Courier,
    remaining_s: Callable[[], float],
    log: Log,
) -> None:
    """Bring every message of the batch to a state in which it may be acknowledged.

    Raises:
        DatabaseUnavailable: nothing could be claimed, or an outcome could not be written in the time there was.
        BrokerUnavailable: a message that nobody can read could not be moved to the failed queue.
    """

    left = Readiness(
        claims=claims,
        people=people,
        preferences_of=preferences_of,
        compiled=compiled,
        settler=settler,
        round_size=2 * concurrency,
    )

    def send_all(batch: Sequence[Claimed]) -> None:
        left.begin(batch)
        in_flight: dict[Future[Receipt], Claimed] = {}
        while left or in_flight:
            while len(in_flight) < concurrency and remaining_s() > ROOM_TO_START_S and (one := left.take()):
                deadline = Deadline.after(min(send_timeout_s, remaining_s() - ROOM_TO_SETTLE_S))
                in_flight[pool.submit(_send, one.outgoing, providers, deadline)] = one.claimed
            if not in_flight:
                break
            done, _ = wait(in_flight, timeout=settler.due_in_s, return_when=FIRST_COMPLETED)
            for send in done:
                claimed = in_flight.pop(send)
                settler.add(decide(claimed, outcome_of(send, log), delays))
            settler.flush_when_due()
        left.give_up()
        settler.flush()

    readable, unusable = _decode(received)
    messages = [message for _, message in readable]
    claimed = claims.claim(messages, lease_s=remaining_s() + LEASE_MARGIN_S) if messages else []
    unusable += _unknown(readable, claimed, claims)
    send_all([one for one in claimed if not one.crashes])
    tried, later = _suspects(claimed, concurrency)
    for one in later:
        settler.add(put_back(one))
    settler.flush()
    send_all(tried)
    # last: were it first, a broker that does not confirm would leave all that is claimed to the end of its lease
    _move_to_failed(unusable, courier, log)


def _suspects(claimed: Sequence[Claimed], concurrency: int) -> tuple[Sequence[Claimed], Sequence[Claimed]]:
    """Of those in hand when a function died: the ones to try in this invocation, and the ones to leave to a later one.

    They are rendered and sent when their neighbours are settled, and nothing else is in hand meanwhile: if the function
    dies again, only they are charged. Who was there once is tried in one round with others like it; most of them
    merely waited while another killed the function. Who was there twice is tried alone.
    """
    once = [one for one in claimed if one.crashes == 1]
    more = [one for one in claimed if one.crashes > 1]
    if once:
        return once[:concurrency], [*once[concurrency:], *more]
    return more[:1], more[1:]


def _send(outgoing: Outgoing, providers: Sequence[Provider], deadline: Deadline) -> Receipt:
    """Offer it to each provider in turn, within one attempt, until one takes it or refuses it for good.

    Raises:
        ProvidersLeftAlone: every circuit is open; there was no attempt.
        DeliveryError: of the provider that was asked last.
    """
    last: TransientFailure | None = None
    left_alone_s: list[float] = []
    for provider in providers:
        if last is not None and not deadline.remaining_s:
            break
        try:
            return provider.send(outgoing, deadline=deadline)
        except CircuitOpen as error:
            left_alone_s.append(error.retry_after_s)
        except (ProviderUnavailable, ProviderMisconfigured) as error:
            last = error
    if last is None and left_alone_s:
        raise ProvidersLeftAlone("no provider is called for now", retry_after_s=min(left_alone_s))
    raise last or ProviderMisconfigured("no provider is configured for this channel")


@dataclass(frozen=True, slots=True)
class _Unusable:
    """A message that no row can be found for, and why."""

    received: Received
    reason: str


def _decode(received: Sequence[Received]) -> tuple[list[tuple[Received, DeliveryMessage]], list[_Unusable]]:
    readable: list[tuple[Received, DeliveryMessage]] = []
    unreadable: list[_Unusable] = []
    for one in received:
        try:
            readable.append((one, decode_message(one.body)))
        except MalformedMessage:
            unreadable.append(_Unusable(one, "malformed_message"))
    return readable, unreadable


def _unknown(
    readable: Sequence[tuple[Received, DeliveryMessage]], claimed: Sequence[Claimed], claims: Claims
) -> list[_Unusable]:
    """Messages about rows that do not exist. What else was not claimed is void: its row is guarded by wake_at."""
    in_hand = {one.delivery_id for one in claimed}
    left = {message.delivery_id for _, message in readable} - in_hand
    if not left:
        return []
    known = claims.find_known(left)
    return [
        _Unusable(received, "unknown_delivery")
        for received, message in readable
        if message.delivery_id in left and message.delivery_id not in known
    ]


def _move_to_failed(unusable: Sequence[_Unusable], courier: Courier, log: Log) -> None:
    """Hand messages that cannot be used to the failed queue, bytes and all, before they are acknowledged here."""
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
