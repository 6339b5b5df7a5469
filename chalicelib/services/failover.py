"""The providers of one channel, in the order in which they are asked within one attempt."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.errors import (
    CircuitOpen,
    ProviderMisconfigured,
    ProvidersLeftAlone,
    ProvidersThrottled,
    ProviderThrottled,
    ProviderUnavailable,
    TransientFailure,
)
from chalicelib.services.guarded_provider import Room

T = TypeVar("T")


class Guarded(Protocol):
    """A provider that may say, before it is called, that it is not to be called now."""

    @property
    def name(self) -> str: ...

    def foresee(self, *, within_s: float) -> Room: ...

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt: ...


class Failover:
    """Sends through the first provider that is willing. Shared by threads.

    The next is asked when one is left alone, out of order, or says that it takes no more. It is not when one's own rate
    is used up: that is the operator's wish, and no trouble.
    """

    def __init__(self, providers: Sequence[Guarded]) -> None:
        self._providers = tuple(providers)

    def foresee(self, *, within_s: float) -> Room:
        """How many deliveries `send` has room for within that time. Calls nobody, and uses nothing up.

        Raises:
            ProvidersLeftAlone: for none, as `send` would raise it; `retry_after_s` says for how long.
        """
        if not self._providers:
            return Room()
        return self._ask_in_turn(lambda provider: provider.foresee(within_s=within_s), in_time=lambda: True)

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        """Offer it to each in turn, until one takes it or refuses it for good.

        Raises:
            ProvidersLeftAlone: nobody was called, or nobody takes more from us: there was no attempt.
            DeliveryError: of the provider that was asked last.
        """
        return self._ask_in_turn(
            lambda provider: provider.send(outgoing, deadline=deadline), in_time=lambda: deadline.remaining_s > 0
        )

    def _ask_in_turn(self, ask: Callable[[Guarded], T], *, in_time: Callable[[], bool]) -> T:
        refused: TransientFailure | None = None
        left_alone: list[CircuitOpen | ProviderThrottled | ProvidersThrottled] = []
        for provider in self._providers:
            if refused is not None and not in_time():
                break
            try:
                return ask(provider)
            except ProvidersThrottled as error:
                left_alone.append(error)
                break
            except (CircuitOpen, ProviderThrottled) as error:
                left_alone.append(error)
            except (ProviderUnavailable, ProviderMisconfigured) as error:
                refused = error
        raise refused or _no_attempt(left_alone)


def _no_attempt(
    left_alone: Sequence[CircuitOpen | ProviderThrottled | ProvidersThrottled],
) -> TransientFailure:
    if not left_alone:
        return ProviderMisconfigured("no provider is configured for this channel")
    retry_after_s = min(error.retry_after_s or 0.0 for error in left_alone)
    if all(isinstance(error, CircuitOpen) for error in left_alone):
        return ProvidersLeftAlone("no provider is called for now", retry_after_s=retry_after_s)
    return ProvidersThrottled("no provider takes more for now", retry_after_s=retry_after_s)
