"""A provider behind its circuit and at its pace: which of its errors say that it is in trouble, and which do not."""

from collections.abc import Callable
from dataclasses import dataclass
from sys import maxsize

from chalicelib.channels.base import Deadline, Outgoing, Provider, Receipt
from chalicelib.domain.circuit import Breaker
from chalicelib.domain.pace import Pace, Slot, Turn
from chalicelib.errors import (
    CircuitOpen,
    DeliveryError,
    MessageDeferred,
    OutcomeUnknown,
    PlatformMisconfigured,
    ProviderMisconfigured,
    ProvidersThrottled,
    ProviderThrottled,
    ProviderUnavailable,
)

FAIR_CHANCE_S = 1.0
"""A call that began with less time than this and failed proves nothing: another may have used the time up."""

LONGEST_WAIT_S = 1.0
"""A slot that is no further away is waited for."""

ABREAST_S = LONGEST_WAIT_S / 2
"""At most what the pace lets pass in this time is sent at once: the mapping of the other lane needs its half, too."""

HELD_S = 5.0
LONGEST_HELD_S = 900.0
"""For how long a provider that says "not so fast" is left alone: as it wishes, within bounds."""

_NOT_TAKEN = (ProviderUnavailable, ProviderMisconfigured)
_IN_TROUBLE = (*_NOT_TAKEN, OutcomeUnknown)
_WORKS = (MessageDeferred, ProviderThrottled, PlatformMisconfigured)


@dataclass(frozen=True, slots=True)
class Room:
    """How many deliveries a worker may take into its hands now, and how many of them it may send at once.

    `paced` tells that a rate sets it, so that what does not fit need not come back at once.
    """

    most: int = maxsize
    abreast: int = maxsize
    paced: bool = False


class GuardedProvider:
    """Satisfies the provider's port, leaves the provider alone while its circuit is open, and keeps to its rate."""

    def __init__(self, provider: Provider, *, breaker: Breaker, pace: Pace, pause: Callable[[float], object]) -> None:
        self.name = provider.name
        self._provider = provider
        self._breaker = breaker
        self._pace = pace
        self._pause = pause

    def foresee(self, *, within_s: float) -> Room:
        """What `send` has room for within that time. Neither a slot nor a probe is used up.

        Raises:
            CircuitOpen, ProviderThrottled, ProvidersThrottled: as `send` does.
        """
        prospect = self._breaker.foresee()
        if prospect.refused_for_s:
            raise CircuitOpen(self.name, retry_after_s=prospect.refused_for_s)
        self._require(self._pace.look(longest_wait_s=LONGEST_WAIT_S))
        interval_s = self._pace.interval_s
        if not interval_s:
            return Room(most=1 if prospect.as_probe else maxsize)
        # what has to wait for longer than a sender does is not taken into anybody's hands
        slots = 1 if prospect.as_probe or interval_s > LONGEST_WAIT_S else max(1, int(within_s / interval_s))
        return Room(slots, abreast=max(1, int(ABREAST_S / interval_s)), paced=True)

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        """As the provider's own, once its turn has come. A probe that fails is no attempt of the message it was.

        The circuit is looked at first, so that no slot is spent on a provider that is left alone, and the slot is had
        before the permit, so that no probe waits or is given up for it.

        Raises:
            CircuitOpen: nothing was sent, or the provider did not take the probe.
            ProvidersThrottled: nothing was sent, for the provider's rate is used up.
            ProviderThrottled: the provider takes no more for now; it has said so, perhaps a moment ago.
            DeliveryError: as the provider's own.
        """
        prospect = self._breaker.foresee()
        # a probe without a fair chance would tell nothing, and hold up all others until its lease ends
        if prospect.refused_for_s or (prospect.as_probe and deadline.remaining_s < FAIR_CHANCE_S):
            raise CircuitOpen(self.name, retry_after_s=prospect.refused_for_s)
        self._await_turn(deadline)
        permit = self._breaker.enter()
        had_a_chance = deadline.remaining_s >= FAIR_CHANCE_S
        try:
            receipt = self._provider.send(outgoing, deadline=deadline)
        except DeliveryError as error:
            if isinstance(error, ProviderThrottled):
                self._pace.hold(min(error.retry_after_s or HELD_S, LONGEST_HELD_S))
            if not is_in_trouble(error):
                permit.succeeded()
            elif had_a_chance:
                left_alone_s = permit.failed()
                if permit.probe and isinstance(error, _NOT_TAKEN):
                    raise CircuitOpen(self.name, retry_after_s=left_alone_s) from error
            raise
        permit.succeeded()
        return receipt

    def _await_turn(self, deadline: Deadline) -> None:
        longest_wait_s = max(0.0, min(LONGEST_WAIT_S, deadline.remaining_s - FAIR_CHANCE_S))
        slot = self._pace.take(longest_wait_s=longest_wait_s)
        self._require(slot)
        if slot.wait_s:
            self._pause(slot.wait_s)

    def _require(self, slot: Slot) -> None:
        if slot.turn is Turn.TOO_FAR:
            raise ProvidersThrottled("its rate is used up", provider=self.name, retry_after_s=slot.wait_s)
        if slot.turn is Turn.HELD:
            raise ProviderThrottled("it said so a moment ago", provider=self.name, retry_after_s=slot.wait_s)


def is_in_trouble(error: DeliveryError) -> bool:
    """Whether the error is the provider's own. One that refuses a message, an address or a device, works."""
    return isinstance(error, _IN_TROUBLE) and not isinstance(error, _WORKS)
