"""Delivers a batch of messages: decode, claim, render, send, settle.

The mapping redelivers a whole batch or none of it, so every message is settled for itself, and an error is raised only
when settling is impossible. The function may die on any line: what was claimed comes back when its lease ends, what was
not is redelivered, and a copy's ticket is void.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from uuid import UUID

from chalicelib.domain.delivery import Claimed
from chalicelib.domain.messages import DeliveryMessage, Received
from chalicelib.domain.retry import RetryDelays
from chalicelib.errors import DatabaseUnavailable, ProvidersLeftAlone, ProvidersThrottled
from chalicelib.services.guarded_provider import Room
from chalicelib.services.ports import Claims, CompiledTemplates, Courier, Log, People, PreferencesOf
from chalicelib.services.readiness import Readiness
from chalicelib.services.send import Carrier, Sender
from chalicelib.services.settle import Settler
from chalicelib.services.unusable import decode, find_unknown, move_to_failed

LEASE_MARGIN_S = 5.0
"""How much longer than its invocation a claim is held."""

QUICK_S = 0.25
"""Where a portion is under way so soon, more may be in hand: it will not be there for long."""


def deliver(
    received: Sequence[Received],
    *,
    claims: Claims,
    people: People,
    preferences_of: PreferencesOf,
    compiled: CompiledTemplates,
    failover: Carrier,
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
    sender = Sender(
        left=left,
        carrier=failover,
        pool=pool,
        concurrency=concurrency,
        send_timeout_s=send_timeout_s,
        delays=delays,
        settler=settler,
        remaining_s=remaining_s,
        log=log,
    )
    worker = _Worker(claims, sender)
    readable, unusable = decode(received)
    met = worker.bring_through([message for _, message in readable])
    unusable += find_unknown(readable, met, claims)
    # last: were it first, a broker that does not confirm would leave all that is claimed to the end of its lease
    move_to_failed(unusable, courier, log)


@dataclass(frozen=True, slots=True)
class _Worker:
    """Takes of a batch what the providers have room for, and lets the rest wait."""

    claims: Claims
    sender: Sender

    def bring_through(self, messages: Sequence[DeliveryMessage]) -> set[UUID]:
        """The deliveries that were met with; every other message is void, or about an unknown row.

        Those that were in hand when a function died come after all others are settled, one at a time, and nothing else
        is in hand meanwhile: if the function dies again, that one is charged, and no other that might have been sent.
        """
        met = self._work_off(messages, suspects=False)
        left = [message for message in messages if message.delivery_id not in met]
        return met | self._work_off(self.claims.find_suspects(left) if left else (), suspects=True)

    def _work_off(self, waiting: Sequence[DeliveryMessage], *, suspects: bool) -> set[UUID]:
        met: set[UUID] = set()
        while waiting:
            within_s = self.sender.time_to_start_s
            try:
                room = self.sender.carrier.foresee(within_s=within_s)
            except ProvidersLeftAlone as error:
                return met | self._leave(waiting, error)
            if not within_s:
                return met | self._return(waiting, room, suspects=suspects)
            portions = _Portions(waiting[: 1 if suspects else room.most], self, suspects=suspects)
            self.sender.send_all(portions, abreast=room.abreast)
            met |= portions.met
            waiting = waiting[portions.taken :]
        return met

    def claim(self, messages: Sequence[DeliveryMessage], *, suspects: bool) -> list[Claimed]:
        lease_s = self.sender.remaining_s() + LEASE_MARGIN_S
        return self.claims.claim(messages, lease_s=lease_s, suspects=suspects)

    def _leave(self, waiting: Sequence[DeliveryMessage], why: ProvidersLeftAlone) -> frozenset[UUID]:
        at_least_s = why.retry_after_s or 0.0
        return self.claims.defer(waiting, reason=why.reason, detail=why.detail, at_least_s=at_least_s)

    def _return(self, waiting: Sequence[DeliveryMessage], room: Room, *, suspects: bool) -> set[UUID]:
        """The time is over: the rest goes back to its queue, or waits where it was a rate that took so long."""
        if room.paced:
            return set(self._leave(waiting, ProvidersThrottled("its rate leaves no time for more")))
        claimed = self.claim(waiting, suspects=suspects)
        self.sender.put_all_back(claimed)
        return {one.delivery_id for one in claimed}


class _Portions:
    """Claims one portion after the other: as many as are sent at once, and twice as many each time that this was quick.

    It ends early when the providers have no more room, or the database is away: there may be sends under way, and
    their outcomes come first. What was not `taken` is looked at anew by whoever asked.
    """

    def __init__(self, messages: Sequence[DeliveryMessage], worker: _Worker, *, suspects: bool) -> None:
        self._messages = messages
        self._worker = worker
        self._suspects = suspects
        self._monotonic_s = worker.sender.settler.monotonic_s
        self._size = 0
        self._claimed_at_s = float("-inf")
        self.taken = 0
        self.met: set[UUID] = set()

    def __iter__(self) -> Iterator[Sequence[Claimed]]:
        return self

    def __next__(self) -> Sequence[Claimed]:
        if self.taken == len(self._messages) or (self.taken and not self._is_there_room()):
            raise StopIteration
        # only what was claimed makes the next portion larger: who is told again and again that there is no room is not
        now_s = self._monotonic_s()
        size = 2 * self._size if now_s - self._claimed_at_s < QUICK_S else self._worker.sender.concurrency
        portion = self._messages[self.taken : self.taken + size]
        try:
            claimed = self._worker.claim(portion, suspects=self._suspects)
        except DatabaseUnavailable:
            if self.taken:
                raise StopIteration from None
            raise
        self._size, self._claimed_at_s = size, now_s
        self.taken += len(portion)
        self.met.update(one.delivery_id for one in claimed)
        return claimed

    def _is_there_room(self) -> bool:
        try:
            self._worker.sender.carrier.foresee(within_s=self._worker.sender.time_to_start_s)
        except ProvidersLeftAlone:
            return False
        return True
