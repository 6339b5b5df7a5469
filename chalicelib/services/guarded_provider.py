"""A provider behind its circuit: which of its errors say that it is in trouble, and which are about one message."""

from chalicelib.channels.base import Deadline, Outgoing, Provider, Receipt
from chalicelib.domain.circuit import Breaker
from chalicelib.errors import (
    CircuitOpen,
    DeliveryError,
    MessageDeferred,
    OutcomeUnknown,
    PlatformMisconfigured,
    ProviderMisconfigured,
    ProviderUnavailable,
)

FAIR_CHANCE_S = 1.0
"""A call that began with less time than this and failed proves nothing: another may have used the time up."""

_NOT_TAKEN = (ProviderUnavailable, ProviderMisconfigured)
_IN_TROUBLE = (*_NOT_TAKEN, OutcomeUnknown)
_WORKS = (MessageDeferred, PlatformMisconfigured)


class GuardedProvider:
    """Satisfies the provider's port, and leaves the provider alone while its circuit is open."""

    def __init__(self, provider: Provider, *, breaker: Breaker) -> None:
        self.name = provider.name
        self._provider = provider
        self._breaker = breaker

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        """As the provider's own. A probe that fails is no attempt of the message that was chosen for it.

        Raises:
            CircuitOpen: nothing was sent, or the provider did not take the probe.
            DeliveryError: as the provider's own.
        """
        permit = self._breaker.enter()
        had_a_chance = deadline.remaining_s >= FAIR_CHANCE_S
        try:
            receipt = self._provider.send(outgoing, deadline=deadline)
        except DeliveryError as error:
            if not is_in_trouble(error):
                permit.succeeded()
            elif had_a_chance:
                left_alone_s = permit.failed()
                if permit.probe and isinstance(error, _NOT_TAKEN):
                    raise CircuitOpen(self.name, retry_after_s=left_alone_s) from error
            raise
        permit.succeeded()
        return receipt


def is_in_trouble(error: DeliveryError) -> bool:
    """Whether the error is the provider's own. One that refuses a message, an address or a device, works."""
    return isinstance(error, _IN_TROUBLE) and not isinstance(error, _WORKS)
