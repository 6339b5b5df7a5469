"""Who is asked next when a provider does not take a message, and what counts as an attempt."""

from dataclasses import dataclass, field

import pytest

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.errors import (
    AddressRejected,
    CarillonError,
    CircuitOpen,
    DeliveryError,
    MessageDeferred,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProvidersLeftAlone,
    ProvidersThrottled,
    ProviderThrottled,
    ProviderUnavailable,
)
from chalicelib.services.failover import Failover
from chalicelib.services.guarded_provider import Room
from tests.unit.test_guarded_provider import outgoing

OPEN = CircuitOpen("email:fake", retry_after_s=9)
HALF_A_SECOND = CircuitOpen("email:fake", retry_after_s=0.5)
ITS_WORD = ProviderThrottled("daily limit", retry_after_s=30)
OUR_RATE = ProvidersThrottled("its rate is used up", retry_after_s=4)
AWAY, WRONG = ProviderUnavailable("away"), ProviderMisconfigured("wrong password")
GREYLISTED, LOST, REJECTED = MessageDeferred("greylisted"), OutcomeUnknown("lost"), AddressRejected("unknown")


@dataclass
class ScriptedProvider:
    """Ends every call so, or accepts."""

    name: str
    ends_with: CarillonError | None = None
    room: Room = field(default_factory=Room)
    asked: int = 0

    def foresee(self, *, within_s: float) -> Room:
        if isinstance(self.ends_with, CircuitOpen | ProviderThrottled | ProvidersThrottled):
            raise self.ends_with
        return self.room

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        self.asked += 1
        if self.ends_with is not None:
            raise self.ends_with
        return Receipt(self.name, None)


def failover(*ends_with: CarillonError | None) -> Failover:
    return Failover([ScriptedProvider(f"number-{place}", one) for place, one in enumerate(ends_with)])


def send(*ends_with: CarillonError | None, seconds: float = 10) -> Receipt:
    return failover(*ends_with).send(outgoing(), deadline=Deadline.after(seconds))


@pytest.mark.parametrize("first", [OPEN, ITS_WORD, AWAY, WRONG, GREYLISTED], ids=lambda error: type(error).__name__)
def test_what_the_first_does_not_take_the_second_is_offered_in_the_same_attempt(first: CarillonError) -> None:
    assert send(first, None).provider == "number-1"


@pytest.mark.parametrize("first", [LOST, REJECTED, OUR_RATE], ids=lambda error: type(error).__name__)
def test_what_may_be_accepted_or_is_refused_for_good_or_waits_for_our_own_rate_stays_with_the_first(
    first: DeliveryError,
) -> None:
    with pytest.raises(type(first)):
        send(first, None)


@pytest.mark.parametrize(
    ("ends_with", "kind", "retry_after_s"),
    [
        ((OPEN,), ProvidersLeftAlone, 9),
        ((OPEN, HALF_A_SECOND), ProvidersLeftAlone, 0.5),
        ((OPEN, ITS_WORD), ProvidersThrottled, 9),
        ((ITS_WORD,), ProvidersThrottled, 30),
        ((OUR_RATE,), ProvidersThrottled, 4),
        ((OPEN, OUR_RATE), ProvidersThrottled, 4),
    ],
)
def test_when_nobody_takes_any_there_was_no_attempt_and_the_shortest_wait_counts(
    ends_with: tuple[CarillonError, ...], kind: type[ProvidersLeftAlone], retry_after_s: float
) -> None:
    for ask in (lambda: send(*ends_with), lambda: failover(*ends_with).foresee(within_s=60)):
        with pytest.raises(ProvidersLeftAlone) as left_alone:
            ask()
        assert type(left_alone.value) is kind
        assert left_alone.value.retry_after_s == retry_after_s


@pytest.mark.parametrize(
    "ends_with", [(AWAY, OPEN), (OPEN, AWAY), (AWAY, ITS_WORD), (ITS_WORD, AWAY), (AWAY, OUR_RATE)]
)
def test_when_one_was_asked_in_vain_it_was_an_attempt(ends_with: tuple[CarillonError, ...]) -> None:
    with pytest.raises(ProviderUnavailable) as refused:
        send(*ends_with)
    assert refused.value is AWAY


def test_the_second_is_not_asked_when_the_first_has_used_up_the_time() -> None:
    with pytest.raises(ProviderUnavailable):
        send(AWAY, None, seconds=0)


def test_a_first_that_is_left_alone_uses_up_no_time() -> None:
    assert send(OPEN, None, seconds=0).provider == "number-1"


def test_the_room_is_that_of_the_first_who_may_be_called() -> None:
    narrow, wide = ScriptedProvider("narrow", room=Room(most=1)), ScriptedProvider("wide")
    assert Failover([narrow, wide]).foresee(within_s=60) == Room(most=1)
    narrow.ends_with = OPEN
    assert Failover([narrow, wide]).foresee(within_s=60) == Room()
    assert (narrow.asked, wide.asked) == (0, 0)


def test_a_channel_without_any_provider_is_misconfigured() -> None:
    assert failover().foresee(within_s=60) == Room()
    with pytest.raises(ProviderMisconfigured):
        send()
