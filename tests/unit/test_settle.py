"""What becomes of a delivery after each outcome, and how outcomes are written and published."""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.channels.base import Receipt
from chalicelib.domain.delivery import Claimed, Settlement
from chalicelib.domain.messages import FAILED, decode_message
from chalicelib.domain.notification import OPEN, Platform, Status
from chalicelib.domain.recipient import RegisteredDevice
from chalicelib.domain.retry import LONGEST_WISH_S, RetryDelays
from chalicelib.domain.user import NewDevice
from chalicelib.errors import (
    AddressRejected,
    DatabaseUnavailable,
    DeliveryError,
    DeviceGone,
    MessageDeferred,
    MessageRefused,
    OutcomeUnknown,
    PermanentFailure,
    PlatformMisconfigured,
    ProviderMisconfigured,
    ProvidersLeftAlone,
    ProvidersThrottled,
    ProviderThrottled,
    ProviderUnavailable,
    RenderFailed,
    TransientFailure,
)
from chalicelib.services.settle import MOST_UNSETTLED, Settler, decide, outcome_of, put_back
from tests.contract_people import a_user
from tests.fakes_core import FakeCourier, FakeSettlements, Ledger, ManualClock, RecordingLog, a_claim
from tests.fakes_people import FakeDevices, FakePeople, FakeUsers

DELAYS = RetryDelays((5, 25, 125))
RETRIED: dict[type[DeliveryError], bool] = {
    DeliveryError: False,
    PermanentFailure: False,
    AddressRejected: False,
    DeviceGone: False,
    MessageRefused: False,
    RenderFailed: False,
    TransientFailure: True,
    ProviderUnavailable: True,
    ProviderMisconfigured: True,
    OutcomeUnknown: True,
    MessageDeferred: True,
    PlatformMisconfigured: True,
}


def tree_of(kind: type[DeliveryError]) -> Iterator[type[DeliveryError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from tree_of(narrower)


NO_ATTEMPT = {ProvidersLeftAlone, ProvidersThrottled, ProviderThrottled}
EVERY_ERROR = sorted(set(tree_of(DeliveryError)) - NO_ATTEMPT, key=lambda kind: kind.__name__)


def test_every_class_of_error_has_its_decision_here() -> None:
    assert set(EVERY_ERROR) == set(RETRIED)


@pytest.mark.parametrize("kind", EVERY_ERROR, ids=lambda kind: kind.__name__)
def test_whether_an_error_is_retried_is_decided_by_its_class(kind: type[DeliveryError]) -> None:
    error = kind("why")
    error.provider, error.provider_code = "mail", "4.2.1"
    settled = decide(a_claim(), error, DELAYS)
    assert settled.status is (Status.RETRYING if RETRIED[kind] else Status.FAILED)
    assert (settled.attempts, settled.provider, settled.provider_code) == (1, "mail", "4.2.1")
    assert settled.reason == kind.reason


@pytest.mark.parametrize("kind", EVERY_ERROR, ids=lambda kind: kind.__name__)
def test_after_the_last_delay_every_error_is_the_end(kind: type[DeliveryError]) -> None:
    settled = decide(a_claim(attempt=4), kind("why"), DELAYS)
    assert (settled.status, settled.wake_after_s) == (Status.FAILED, None)
    assert settled.reason == ("retries_exhausted" if RETRIED[kind] else kind.reason)


@given(st.sampled_from(EVERY_ERROR), st.integers(1, 6))
def test_what_stays_open_has_a_time_to_wake_and_what_ended_has_none(kind: type[DeliveryError], attempt: int) -> None:
    settled = decide(a_claim(attempt=attempt), kind("why"), DELAYS)
    assert (settled.status in OPEN) == (settled.wake_after_s is not None)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_whatever_a_provider_wishes_the_next_attempt_lies_between_its_delay_and_a_day(wish_s: float) -> None:
    settled = decide(a_claim(), ProviderUnavailable("later", retry_after_s=wish_s), DELAYS)
    assert settled.wake_after_s is not None
    assert 5 <= settled.wake_after_s <= LONGEST_WISH_S
    assert settled.retry_in_s in (None, 5)


def test_a_wish_longer_than_the_delay_is_a_due_time_and_no_wait_queue() -> None:
    settled = decide(a_claim(), ProviderUnavailable("later", retry_after_s=60), DELAYS)
    assert (settled.wake_after_s, settled.retry_in_s) == (60, None)


NOBODY_WAS_ASKED = sorted(NO_ATTEMPT, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", NOBODY_WAS_ASKED, ids=lambda kind: kind.__name__)
def test_what_nobody_took_is_deferred_and_not_counted_also_after_the_last_delay(kind: type[TransientFailure]) -> None:
    settled = decide(a_claim(attempt=4), kind("not now", retry_after_s=20), DELAYS)
    assert (settled.status, settled.attempts, settled.reason) == (Status.DEFERRED, 3, kind.reason)
    assert settled.counted
    assert settled.wake_after_s is not None
    assert 20 <= settled.wake_after_s <= 30
    assert settled.retry_in_s is None


def test_the_reason_tells_an_open_circuit_from_a_rate_that_is_used_up() -> None:
    assert [kind.reason for kind in NOBODY_WAS_ASKED] == ["throttled", "circuit_open", "throttled"]


def test_the_deferred_come_back_one_after_the_other() -> None:
    outcome = ProvidersLeftAlone("open", retry_after_s=20)
    assert len({decide(a_claim(), outcome, DELAYS).wake_after_s for _ in range(50)}) > 20


def test_each_deferral_in_a_row_waits_twice_as_long() -> None:
    claimed = a_claim()
    outcome = ProvidersLeftAlone("open", retry_after_s=0.5)
    waits = [decide(replace(claimed, deferrals=count), outcome, DELAYS).wake_after_s or 0.0 for count in range(10)]
    assert [wait / waits[0] for wait in waits] == pytest.approx([1, 2, 4, 8, 16, 32, 64, 128, 180, 180])
    assert 5 <= waits[0] <= 7.5


def test_acceptance_is_sent() -> None:
    settled = decide(a_claim(attempt=3), Receipt("mail", "id-1"), DELAYS)
    assert (settled.status, settled.attempts, settled.provider_message_id) == (Status.SENT, 3, "id-1")


def test_an_error_that_nobody_foresaw_may_have_been_accepted() -> None:
    send: Future[Receipt] = Future()
    send.set_exception(ZeroDivisionError("ada@example.org"))
    outcome = outcome_of(send, RecordingLog())
    assert isinstance(outcome, OutcomeUnknown)
    assert "ada" not in outcome.detail


@dataclass
class World:
    """A settler and everything around it."""

    settlements: FakeSettlements = field(default_factory=FakeSettlements)
    courier: FakeCourier = field(default_factory=FakeCourier)
    ledger: Ledger = field(default_factory=Ledger)
    devices: FakeDevices = field(default_factory=lambda: FakeDevices(FakeUsers()))
    remaining_s: float = 60
    paused_s: list[float] = field(default_factory=list)

    @property
    def people(self) -> FakePeople:
        return FakePeople(self.devices.users, self.devices)

    def settler(self, people: FakePeople | None = None) -> Settler:
        return Settler(
            settlements=self.settlements,
            people=people or self.people,
            courier=self.courier,
            outbox=self.ledger,
            clock=ManualClock(),
            log=RecordingLog(),
            remaining_s=lambda: self.remaining_s,
            pause=self.pause,
        )

    def pause(self, seconds: float) -> None:
        self.paused_s.append(seconds)
        self.remaining_s -= seconds

    def settle(self, *settlements: Settlement) -> None:
        settler = self.settler()
        for settlement in settlements:
            settler.add(settlement)
        settler.flush()


def sent(claimed: Claimed) -> Settlement:
    return decide(claimed, Receipt("mail", None), DELAYS)


def test_outcomes_are_written_in_groups_that_bound_what_a_crash_can_repeat() -> None:
    world = World()
    world.settle(*[sent(a_claim()) for _ in range(2 * MOST_UNSETTLED + 1)])
    assert [len(batch) for batch in world.settlements.batches] == [MOST_UNSETTLED, MOST_UNSETTLED, 1]


def test_a_full_group_is_due_at_once() -> None:
    settler = World().settler()
    for _ in range(MOST_UNSETTLED):
        assert settler.due_in_s > 0
        settler.add(sent(a_claim()))
    assert settler.due_in_s == 0


def test_a_retry_and_a_failure_are_published_and_what_is_sent_is_not() -> None:
    world = World()
    world.settle(
        sent(a_claim()),
        decide(a_claim(), ProviderUnavailable("later"), DELAYS),
        decide(a_claim(), AddressRejected("no"), DELAYS),
        decide(a_claim(), ProviderUnavailable("much later", retry_after_s=60), DELAYS),
    )
    assert [(one.destination, one.delay_s) for one in world.courier.taken] == [("email", 5), (FAILED, None)]
    assert {decode_message(one.body).ticket for one in world.courier.taken} == {2}


def test_an_outcome_that_came_too_late_is_not_published() -> None:
    late = decide(a_claim(), ProviderUnavailable("later"), DELAYS)
    world = World(FakeSettlements(void=frozenset({late.claimed.delivery_id})))
    world.settle(late)
    assert world.courier.taken == []


def test_while_the_database_is_away_it_is_tried_again_within_the_time_there_is() -> None:
    world = World(FakeSettlements(errors=[DatabaseUnavailable("away")] * 3))
    world.settle(sent(a_claim()))
    assert len(world.settlements.written) == 1
    assert len(world.paused_s) == 3


def test_a_database_that_stays_away_ends_the_invocation_before_its_time_does() -> None:
    world = World(FakeSettlements(errors=[DatabaseUnavailable("away")] * 1000))
    with pytest.raises(DatabaseUnavailable):
        world.settle(sent(a_claim()))
    assert 0 < world.remaining_s <= 2


def test_without_a_broker_outcomes_are_written_all_the_same() -> None:
    world = World(courier=FakeCourier(up=False))
    world.settle(decide(a_claim(), ProviderUnavailable("later"), DELAYS), put_back(a_claim()))
    assert {one.status for one in world.settlements.written} == {Status.RETRYING, Status.QUEUED}


class ReadOnlyPeople(FakePeople):
    """Whose database can be read and not written."""

    def remove_device(self, device_id: UUID) -> bool:
        raise DatabaseUnavailable("read only")


def a_dead_device(world: World) -> Claimed:
    user = world.devices.users.insert(a_user())
    device_id = UUID(int=7)
    world.devices.register(NewDevice(device_id, user.id, "token", Platform.IOS))
    return a_claim(RegisteredDevice(device_id), user_id=user.id)


def test_a_dead_device_is_forgotten_and_said_to_be() -> None:
    world = World()
    world.settle(decide(a_dead_device(world), DeviceGone("unregistered"), DELAYS))
    assert world.devices.devices == {}
    assert world.settlements.written[0].device_removed


def test_a_device_that_cannot_be_forgotten_now_does_not_hold_up_the_outcomes_of_others() -> None:
    world = World()
    settler = world.settler(ReadOnlyPeople(world.devices.users, world.devices))
    settler.add(decide(a_dead_device(world), DeviceGone("unregistered"), DELAYS))
    settler.add(sent(a_claim()))
    settler.flush()
    assert [one.status for one in world.settlements.written] == [Status.FAILED, Status.SENT]
    assert not any(one.device_removed for one in world.settlements.written)


class SilentLedger(Ledger):
    """Whose notes cannot be written."""

    def mark_queued(self, published: object, *, published_at: object) -> None:
        raise DatabaseUnavailable("away")


def test_a_note_that_cannot_be_written_is_no_reason_to_raise() -> None:
    world = World(ledger=SilentLedger())
    world.settle(put_back(a_claim()), sent(a_claim()))
    assert len(world.courier.taken) == 1


def test_a_retry_of_what_was_cancelled_meanwhile_is_neither_published_nor_told_of() -> None:
    claimed = a_claim()
    world = World(settlements=FakeSettlements(cancelled=frozenset({claimed.delivery_id})))
    world.settle(decide(claimed, ProviderUnavailable("later"), DELAYS))
    assert world.courier.taken == []
