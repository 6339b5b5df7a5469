"""A provider behind its circuit: what is held against it, and what a delivery does when nobody may be called."""

from dataclasses import dataclass, field

import pytest

from chalicelib.channels.base import Deadline, Outgoing
from chalicelib.domain.content import RenderedEmail
from chalicelib.domain.identity import new_id
from chalicelib.domain.recipient import EmailTarget
from chalicelib.errors import (
    AddressRejected,
    CircuitOpen,
    DeliveryError,
    DeviceGone,
    MessageDeferred,
    MessageRefused,
    OutcomeUnknown,
    PlatformMisconfigured,
    ProviderMisconfigured,
    ProvidersLeftAlone,
    ProviderUnavailable,
)
from chalicelib.services.deliver import _send
from chalicelib.services.guarded_provider import GuardedProvider
from tests.fakes import FakeProvider
from tests.fakes_core import NOON

HELD_AGAINST_IT = (ProviderUnavailable, ProviderMisconfigured, OutcomeUnknown)
IT_WORKS = (AddressRejected, DeviceGone, MessageRefused, MessageDeferred, PlatformMisconfigured)


@dataclass
class RememberingBreaker:
    """Lets pass while it is closed, and remembers what it was told."""

    open_for_s: float | None = None
    probe: bool = False
    told: list[str] = field(default_factory=list)

    def enter(self) -> "RememberingBreaker":
        if self.open_for_s is not None:
            raise CircuitOpen("email:fake", retry_after_s=self.open_for_s)
        return self

    def succeeded(self) -> None:
        self.told.append("succeeded")

    def failed(self) -> float:
        self.told.append("failed")
        return 30.0


def outgoing() -> Outgoing:
    return Outgoing(new_id(NOON), "correlation", EmailTarget("ada@example.org", "Ada"), RenderedEmail("s", "<p>", "t"))


def after_a(error: DeliveryError, *, seconds: float = 10) -> list[str]:
    """What the circuit is told of a send that ends so."""
    provider, breaker, one = FakeProvider(), RememberingBreaker(), outgoing()
    provider.fail(one.delivery_id, error)
    with pytest.raises(type(error)):
        GuardedProvider(provider, breaker=breaker).send(one, deadline=Deadline.after(seconds))
    return breaker.told


@pytest.mark.parametrize("kind", HELD_AGAINST_IT)
def test_trouble_of_the_provider_s_own_is_held_against_it(kind: type[DeliveryError]) -> None:
    assert after_a(kind("why")) == ["failed"]


@pytest.mark.parametrize("kind", IT_WORKS)
def test_a_provider_that_refuses_one_message_works(kind: type[DeliveryError]) -> None:
    assert after_a(kind("why")) == ["succeeded"]


def test_a_provider_that_was_given_no_time_is_not_to_blame() -> None:
    assert after_a(ProviderUnavailable("too late"), seconds=0.1) == []


def test_an_acceptance_is_a_success() -> None:
    breaker = RememberingBreaker()
    GuardedProvider(FakeProvider(), breaker=breaker).send(outgoing(), deadline=Deadline.after(10))
    assert breaker.told == ["succeeded"]


def test_a_probe_that_is_not_taken_is_no_attempt_of_its_message() -> None:
    provider, breaker, one = FakeProvider(), RememberingBreaker(probe=True), outgoing()
    provider.fail(one.delivery_id, ProviderUnavailable("still away"))
    with pytest.raises(ProvidersLeftAlone) as left_alone:
        _send(one, [GuardedProvider(provider, breaker=breaker)], Deadline.after(10))
    assert (left_alone.value.retry_after_s, breaker.told) == (30.0, ["failed"])


@pytest.mark.parametrize("error", [OutcomeUnknown("lost"), MessageDeferred("greylisted"), AddressRejected("unknown")])
def test_a_probe_that_may_have_been_taken_or_was_answered_is_an_attempt(error: DeliveryError) -> None:
    provider, one = FakeProvider(), outgoing()
    provider.fail(one.delivery_id, error)
    with pytest.raises(type(error)):
        _send(one, [GuardedProvider(provider, breaker=RememberingBreaker(probe=True))], Deadline.after(10))


def test_while_the_first_is_left_alone_the_second_takes_it() -> None:
    first, second = FakeProvider("first"), FakeProvider("second")
    providers = [
        GuardedProvider(first, breaker=RememberingBreaker(open_for_s=5)),
        GuardedProvider(second, breaker=RememberingBreaker()),
    ]
    assert _send(outgoing(), providers, Deadline.after(10)).provider == "second"
    assert first.accepted == []


def test_when_all_are_left_alone_there_was_no_attempt_and_the_shortest_wait_counts() -> None:
    providers = [GuardedProvider(FakeProvider(), breaker=RememberingBreaker(open_for_s=wait)) for wait in (9.0, 4.0)]
    with pytest.raises(ProvidersLeftAlone) as left_alone:
        _send(outgoing(), providers, Deadline.after(10))
    assert left_alone.value.retry_after_s == 4.0


def test_when_one_was_asked_it_was_an_attempt() -> None:
    one, asked = outgoing(), FakeProvider()
    asked.fail(one.delivery_id, ProviderUnavailable("not now"))
    providers = [
        GuardedProvider(asked, breaker=RememberingBreaker()),
        GuardedProvider(FakeProvider(), breaker=RememberingBreaker(open_for_s=5)),
    ]
    with pytest.raises(ProviderUnavailable):
        _send(one, providers, Deadline.after(10))


def test_a_second_provider_is_not_asked_when_the_first_has_used_up_the_time() -> None:
    one, first, second = outgoing(), FakeProvider("first"), FakeProvider("second")
    first.fail(one.delivery_id, ProviderUnavailable("timed out"))
    with pytest.raises(ProviderUnavailable):
        _send(one, [first, second], Deadline.after(0))
    assert second.accepted == []
