"""A provider behind its circuit and at its pace: what is held against it, and in what order it is asked."""

from dataclasses import dataclass, field

import pytest

from chalicelib.channels.base import Deadline, Outgoing, Provider
from chalicelib.domain.circuit import Prospect
from chalicelib.domain.content import RenderedEmail
from chalicelib.domain.identity import new_id
from chalicelib.domain.pace import Pace, Slot, Turn
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
    ProvidersThrottled,
    ProviderThrottled,
    ProviderUnavailable,
)
from chalicelib.services.guarded_provider import HELD_S, LONGEST_HELD_S, LONGEST_WAIT_S, GuardedProvider, Room
from chalicelib.stores.pace import ProcessPace
from tests.fakes import FakeProvider
from tests.fakes_core import NOON

HELD_AGAINST_IT = (ProviderUnavailable, ProviderMisconfigured, OutcomeUnknown)
IT_WORKS = (AddressRejected, DeviceGone, MessageRefused, MessageDeferred, ProviderThrottled, PlatformMisconfigured)


@dataclass
class RememberingBreaker:
    """Lets pass while it is closed, and remembers what it was told."""

    open_for_s: float | None = None
    probe: bool = False
    entered: int = 0
    told: list[str] = field(default_factory=list)

    def enter(self) -> "RememberingBreaker":
        if self.open_for_s is not None:
            raise CircuitOpen("email:fake", retry_after_s=self.open_for_s)
        self.entered += 1
        return self

    def foresee(self) -> Prospect:
        return Prospect(self.open_for_s or 0.0, as_probe=self.probe)

    def succeeded(self) -> None:
        self.told.append("succeeded")

    def failed(self) -> float:
        self.told.append("failed")
        return 30.0


@dataclass
class Waits:
    """A clock that stands still but for those who wait."""

    at_s: float = 100.0
    waited_s: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.at_s

    def pause(self, seconds: float) -> None:
        self.waited_s.append(seconds)
        self.at_s += seconds


def outgoing() -> Outgoing:
    return Outgoing(new_id(NOON), "correlation", EmailTarget("ada@example.org", "Ada"), RenderedEmail("s", "<p>", "t"))


def guarded(
    provider: Provider | None = None,
    *,
    breaker: RememberingBreaker | None = None,
    pace: Pace | None = None,
    clock: Waits | None = None,
) -> GuardedProvider:
    clock = clock or Waits()
    return GuardedProvider(
        provider or FakeProvider(),
        breaker=breaker or RememberingBreaker(),
        pace=pace or ProcessPace(0.0, monotonic_s=clock),
        pause=clock.pause,
    )


def after_a(error: DeliveryError, *, seconds: float = 10) -> list[str]:
    """What the circuit is told of a send that ends so."""
    provider, breaker, one = FakeProvider(), RememberingBreaker(), outgoing()
    provider.fail(one.delivery_id, error)
    with pytest.raises(type(error)):
        guarded(provider, breaker=breaker).send(one, deadline=Deadline.after(seconds))
    return breaker.told


@pytest.mark.parametrize("kind", HELD_AGAINST_IT)
def test_trouble_of_the_provider_s_own_is_held_against_it(kind: type[DeliveryError]) -> None:
    assert after_a(kind("why")) == ["failed"]


@pytest.mark.parametrize("kind", IT_WORKS)
def test_a_provider_that_refuses_one_message_works(kind: type[DeliveryError]) -> None:
    assert after_a(kind("why")) == ["succeeded"]


def test_a_provider_that_was_given_no_time_is_not_to_blame() -> None:
    assert after_a(ProviderUnavailable("too late"), seconds=0.1) == []


def test_nobody_probes_without_the_time_for_it() -> None:
    breaker, provider = RememberingBreaker(probe=True), FakeProvider()
    with pytest.raises(CircuitOpen):
        guarded(provider, breaker=breaker).send(outgoing(), deadline=Deadline.after(0.5))
    assert (breaker.entered, breaker.told) == (0, [])
    assert not provider.accepted


def test_an_acceptance_is_a_success() -> None:
    breaker = RememberingBreaker()
    guarded(breaker=breaker).send(outgoing(), deadline=Deadline.after(10))
    assert breaker.told == ["succeeded"]


def test_a_probe_that_is_not_taken_is_as_if_it_had_not_been_let_through() -> None:
    provider, breaker, one = FakeProvider(), RememberingBreaker(probe=True), outgoing()
    provider.fail(one.delivery_id, ProviderUnavailable("still away"))
    with pytest.raises(CircuitOpen) as refused:
        guarded(provider, breaker=breaker).send(one, deadline=Deadline.after(10))
    assert (refused.value.retry_after_s, breaker.told) == (30.0, ["failed"])


@pytest.mark.parametrize("error", [OutcomeUnknown("lost"), MessageDeferred("greylisted"), AddressRejected("unknown")])
def test_a_probe_that_may_have_been_taken_or_was_answered_is_an_attempt(error: DeliveryError) -> None:
    provider, one = FakeProvider(), outgoing()
    provider.fail(one.delivery_id, error)
    with pytest.raises(type(error)):
        guarded(provider, breaker=RememberingBreaker(probe=True)).send(one, deadline=Deadline.after(10))


def test_a_slot_that_is_near_is_waited_for_and_one_that_is_not_is_left() -> None:
    clock, provider, breaker = Waits(), FakeProvider(), RememberingBreaker(probe=True)
    paced = guarded(provider, breaker=breaker, pace=ProcessPace(LONGEST_WAIT_S, monotonic_s=lambda: 7.0), clock=clock)
    for _ in range(2):
        paced.send(outgoing(), deadline=Deadline.after(10))
    assert clock.waited_s == [LONGEST_WAIT_S]
    with pytest.raises(ProvidersThrottled) as throttled:
        paced.send(outgoing(), deadline=Deadline.after(10))
    assert throttled.value.retry_after_s == LONGEST_WAIT_S
    # the third has neither been the probe nor been held against the provider
    assert (len(provider.accepted), breaker.entered, breaker.told) == (2, 2, ["succeeded"] * 2)


def test_nobody_waits_beyond_the_deadline_for_a_slot() -> None:
    provider = FakeProvider()
    paced = guarded(provider, pace=ProcessPace(0.9, monotonic_s=lambda: 7.0))
    paced.send(outgoing(), deadline=Deadline.after(1.2))
    with pytest.raises(ProvidersThrottled):
        paced.send(outgoing(), deadline=Deadline.after(1.2))
    assert len(provider.accepted) == 1


def test_while_the_circuit_is_open_no_slot_is_used_up() -> None:
    clock = Waits()
    pace = ProcessPace(60.0, monotonic_s=clock)
    with pytest.raises(CircuitOpen):
        guarded(breaker=RememberingBreaker(open_for_s=5), pace=pace).send(outgoing(), deadline=Deadline.after(10))
    assert pace.look(longest_wait_s=0) == Slot(Turn.TAKEN, 0)


@pytest.mark.parametrize(
    ("wish_s", "held_s"), [(None, HELD_S), (30.0, 30.0), (1e9, LONGEST_HELD_S)], ids=["none", "30s", "too-long"]
)
def test_a_provider_that_takes_no_more_is_not_asked_by_the_next(wish_s: float | None, held_s: float) -> None:
    clock, provider, breaker, one = Waits(), FakeProvider(), RememberingBreaker(), outgoing()
    provider.fail(one.delivery_id, ProviderThrottled("daily limit", retry_after_s=wish_s))
    subject = guarded(provider, breaker=breaker, clock=clock)
    for message in (one, outgoing()):
        with pytest.raises(ProviderThrottled) as throttled:
            subject.send(message, deadline=Deadline.after(10))
    assert throttled.value.retry_after_s == pytest.approx(held_s)
    assert (provider.accepted, breaker.told) == ([], ["succeeded"])
    with pytest.raises(ProviderThrottled):
        subject.foresee(within_s=60)
    clock.at_s += held_s
    assert subject.foresee(within_s=60) == Room()
    subject.send(outgoing(), deadline=Deadline.after(10))


@pytest.mark.parametrize(
    ("interval_s", "probe", "room"),
    [
        (0.0, False, Room()),
        (0.0, True, Room(most=1)),
        (1 / 14, False, Room(840, abreast=7, paced=True)),
        (1 / 14, True, Room(1, abreast=7, paced=True)),
        (1.0, False, Room(60, abreast=1, paced=True)),
        (10.0, False, Room(1, abreast=1, paced=True)),
    ],
    ids=["no-rate", "probe", "14-a-second", "paced-probe", "1-a-second", "6-a-minute"],
)
def test_there_is_room_for_what_the_circuit_and_the_pace_let_pass(interval_s: float, probe: bool, room: Room) -> None:
    breaker, pace = RememberingBreaker(probe=probe), ProcessPace(interval_s, monotonic_s=lambda: 7.0)
    subject = guarded(breaker=breaker, pace=pace)
    assert [subject.foresee(within_s=60) for _ in range(3)] == [room] * 3
    assert breaker.entered == 0


def test_there_is_no_room_while_the_circuit_is_open_or_the_next_slot_far_away() -> None:
    with pytest.raises(CircuitOpen):
        guarded(breaker=RememberingBreaker(open_for_s=5)).foresee(within_s=60)
    paced = guarded(pace=ProcessPace(60.0, monotonic_s=lambda: 7.0))
    paced.send(outgoing(), deadline=Deadline.after(10))
    with pytest.raises(ProvidersThrottled):
        paced.foresee(within_s=60)
