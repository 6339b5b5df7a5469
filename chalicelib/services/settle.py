"""Settles what was claimed: decides by the outcome's class what becomes of a delivery, writes it, and publishes.

This is the only place that decides whether something is retried.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from chalicelib.channels.base import Receipt
from chalicelib.domain.circuit import Monotonic
from chalicelib.domain.delivery import PUBLISH_OVERDUE_S, Claimed, Settlement, Waiting
from chalicelib.domain.messages import FAILED, Dispatch, dispatch_of
from chalicelib.domain.notification import Status
from chalicelib.domain.recipient import RegisteredDevice
from chalicelib.domain.retry import LONGEST_DEFERRAL_S, LONGEST_WISH_S, RetryDelays, deferral_s
from chalicelib.errors import (
    DatabaseUnavailable,
    DeliveryError,
    DeviceGone,
    OutcomeUnknown,
    ProvidersLeftAlone,
    ProviderThrottled,
    TransientFailure,
)
from chalicelib.services.ports import Clock, Courier, Log, Outbox, People, Settlements

MOST_UNSETTLED = 25
LONGEST_UNSETTLED_S = 0.25
RETRY_GRACE_S = 5.0
PUBLISH_TIMEOUT_S = 2.0
DATABASE_PAUSE_S = 0.5
ROOM_TO_GIVE_UP_S = 2.0

Outcome = Receipt | DeliveryError


def outcome_of(send: "Future[Receipt]", log: Log) -> Outcome:
    """What a finished send came to. An error that nobody foresaw is one whose outcome is not known."""
    try:
        return send.result()
    except DeliveryError as error:
        return error
    except Exception as error:  # noqa: BLE001  one delivery's surprise must not take its batch along
        log.error("send_failed_unforeseen", error=type(error).__name__)  # noqa: TRY400  a stack may show an address
        return OutcomeUnknown(f"unforeseen {type(error).__name__}")


def decide(claimed: Claimed, outcome: Outcome, delays: RetryDelays) -> Settlement:
    """What becomes of a delivery after this outcome of a provider call."""
    if isinstance(outcome, Receipt):
        return Settlement(
            claimed=claimed,
            status=Status.SENT,
            attempts=claimed.attempt,
            provider=outcome.provider,
            provider_message_id=outcome.provider_message_id,
        )
    if isinstance(outcome, ProvidersLeftAlone | ProviderThrottled):
        return defer(claimed, outcome.reason, detail=outcome.detail, at_least_s=outcome.retry_after_s or 0.0)
    delay_s = delays.after(claimed.attempt) if isinstance(outcome, TransientFailure) else None
    if isinstance(outcome, TransientFailure) and delay_s is not None:
        return _retry(claimed, outcome, delay_s)
    return _fail(claimed, outcome)


def defer(
    claimed: Claimed,
    reason: str,
    *,
    detail: str | None = None,
    at_least_s: float = 0.0,
    longest_s: float = LONGEST_DEFERRAL_S,
) -> Settlement:
    """Ask again later, and each time after twice as long. No attempt is counted; the deferrals in a row are."""
    return Settlement(
        claimed=claimed,
        status=Status.DEFERRED,
        attempts=claimed.attempt - 1,
        reason=reason,
        detail=detail,
        wake_after_s=deferral_s(claimed.deferrals, claimed.delivery_id, at_least_s=at_least_s, longest_s=longest_s),
        counted=True,
    )


def _retry(claimed: Claimed, outcome: TransientFailure, delay_s: int) -> Settlement:
    wish_s = min(outcome.retry_after_s or 0.0, LONGEST_WISH_S)
    return Settlement(
        claimed=claimed,
        status=Status.RETRYING,
        attempts=claimed.attempt,
        reason=outcome.reason,
        detail=outcome.detail,
        provider=outcome.provider,
        provider_code=outcome.provider_code,
        # a wish longer than the wait queue's delay is a due time for relay
        wake_after_s=wish_s if wish_s > delay_s else delay_s + RETRY_GRACE_S,
        retry_in_s=None if wish_s > delay_s else delay_s,
    )


def _fail(claimed: Claimed, outcome: DeliveryError) -> Settlement:
    exhausted = isinstance(outcome, TransientFailure)
    return Settlement(
        claimed=claimed,
        status=Status.FAILED,
        attempts=claimed.attempt,
        reason="retries_exhausted" if exhausted else outcome.reason,
        detail=f"{outcome.reason}: {outcome.detail}" if exhausted else outcome.detail,
        provider=outcome.provider,
        provider_code=outcome.provider_code,
        device_removed=isinstance(outcome, DeviceGone) and isinstance(claimed.reference, RegisteredDevice),
    )


def put_back(claimed: Claimed) -> Settlement:
    """A delivery that was claimed but not started returns to its queue; nothing is counted."""
    return Settlement(
        claimed=claimed, status=Status.QUEUED, attempts=claimed.attempt - 1, wake_after_s=PUBLISH_OVERDUE_S
    )


def _dispatch_of(settlement: Settlement, published_at: datetime) -> Dispatch | None:
    """The message that an outcome calls for."""
    message = settlement.claimed.message_source.message(published_at=published_at)
    match settlement.status:
        case Status.QUEUED:
            return dispatch_of(message, lane=settlement.claimed.lane)
        case Status.RETRYING if settlement.retry_in_s is not None:
            return dispatch_of(message, lane=settlement.claimed.lane, delay_s=settlement.retry_in_s)
        case Status.FAILED:
            return dispatch_of(message, lane=FAILED)
        case _:
            return None


@dataclass(slots=True)
class Settler:
    """Collects settlements and writes them, at the latest when 25 have gathered or the oldest is 250 ms old.

    A crash between the write and the publishes costs time, not a delivery: every open row has its `wake_at`.
    """

    settlements: Settlements
    people: People
    courier: Courier
    outbox: Outbox
    clock: Clock
    log: Log
    remaining_s: Callable[[], float]
    pause: Callable[[float], object]
    monotonic_s: Monotonic = time.monotonic
    _pending: list[Settlement] = field(default_factory=list)
    _oldest_s: float = 0.0

    def add(self, settlement: Settlement) -> None:
        if not self._pending:
            self._oldest_s = self.monotonic_s()
        self._pending.append(settlement)

    @property
    def due_in_s(self) -> float:
        """How long the pending ones may still wait."""
        if not self._pending:
            return LONGEST_UNSETTLED_S
        if len(self._pending) >= MOST_UNSETTLED:
            return 0.0
        return max(0.0, self._oldest_s + LONGEST_UNSETTLED_S - self.monotonic_s())

    def flush_when_due(self) -> None:
        if self._pending and self.due_in_s == 0.0:
            self.flush()

    def flush(self) -> None:
        """Write and publish everything pending.

        Raises:
            DatabaseUnavailable: it stayed away for all the time there was. The claims end with their leases.
        """
        batch, self._pending = self._pending, []
        for start in range(0, len(batch), MOST_UNSETTLED):
            self._settle(batch[start : start + MOST_UNSETTLED])

    def _settle(self, batch: Sequence[Settlement]) -> None:
        batch = [self._forget_dead_device(settlement) for settlement in batch]
        became = self._write(batch)
        late = [settlement for settlement in batch if settlement.claimed.delivery_id not in became]
        # what was cancelled meanwhile has ended, whatever was meant to become of it
        settled = [
            replace(settlement, status=became[settlement.claimed.delivery_id])
            for settlement in batch
            if settlement.claimed.delivery_id in became
        ]
        self._publish(settled)
        for settlement in settled:
            self._report(settlement, f"delivery_{settlement.status}")
        for settlement in late:
            self._report(settlement, "outcome_late")

    def _write(self, batch: Sequence[Settlement]) -> Mapping[UUID, Status]:
        while True:
            try:
                return self.settlements.settle(batch)
            except DatabaseUnavailable:
                if self.remaining_s() < ROOM_TO_GIVE_UP_S:
                    raise
                self.pause(DATABASE_PAUSE_S)

    def _forget_dead_device(self, settlement: Settlement) -> Settlement:
        reference = settlement.claimed.reference
        if not settlement.device_removed or not isinstance(reference, RegisteredDevice):
            return settlement
        try:
            self.people.remove_device(reference.device_id)
        except DatabaseUnavailable:  # another store than that of the outcomes: these must be written all the same
            return replace(settlement, device_removed=False)
        return settlement

    def _publish(self, settled: Sequence[Settlement]) -> None:
        published_at = self.clock()
        outgoing = [
            (settlement, dispatch) for settlement in settled if (dispatch := _dispatch_of(settlement, published_at))
        ]
        if not outgoing:
            return
        taken = self.courier.publish([dispatch for _, dispatch in outgoing], timeout_s=PUBLISH_TIMEOUT_S)
        returned = [
            settlement.claimed.message_source
            for index, (settlement, _) in enumerate(outgoing)
            if index in taken and settlement.status is Status.QUEUED
        ]
        if returned:
            self._note(returned, published_at)

    def _note(self, returned: Sequence[Waiting], published_at: datetime) -> None:
        try:
            self.outbox.mark_queued(returned, published_at=published_at)
        except DatabaseUnavailable:
            return  # a void copy more; what is settled is settled

    def _report(self, settlement: Settlement, event: str) -> None:
        claimed = settlement.claimed
        tell = self.log.info if settlement.status not in (Status.RETRYING, Status.DEFERRED) else self.log.warning
        tell(
            event,
            correlation_id=claimed.correlation_id,
            notification_id=str(claimed.notification_id),
            delivery_id=str(claimed.delivery_id),
            channel=str(claimed.channel),
            attempt=claimed.attempt,
            reason=settlement.reason,
            provider=settlement.provider,
        )
        self.log.count(event, channel=str(claimed.channel))
