"""Relay's passes over the outbox."""

from dataclasses import dataclass, field, replace

from chalicelib.domain.delivery import Waiting
from chalicelib.domain.notification import Status
from chalicelib.errors import BrokerUnavailable
from chalicelib.services.lane_room import HIGH_WATER
from chalicelib.services.relay import PAGE, relay
from tests.fakes_core import FakeCourier, Ledger, ManualClock, RecordingLog, Row, a_waiting


def a_ledger(*rows: Row) -> Ledger:
    return Ledger(ManualClock(), rows={row.waiting.delivery_id: row for row in rows})


def due(status: Status = Status.ACCEPTED, waiting: Waiting | None = None) -> Row:
    return Row(waiting or a_waiting(), status, ManualClock().at)


def run(ledger: Ledger, courier: FakeCourier, *, remaining_s: tuple[float, ...] = (0,)) -> int:
    """Run one invocation that finds these remaining times, one a question; how often it paused."""
    times = list(remaining_s)
    pauses: list[float] = []
    relay(
        outbox=ledger,
        courier=courier,
        gauge=courier,
        clock=ledger.clock,
        remaining_s=lambda: times.pop(0) if len(times) > 1 else times[0],
        pause=pauses.append,
        log=RecordingLog(),
    )
    return len(pauses)


def push(status: Status = Status.ACCEPTED) -> Row:
    return due(status, replace(a_waiting(), lane="push"))


def statuses(ledger: Ledger) -> list[Status]:
    return [row.status for row in ledger.rows.values()]


def test_what_is_due_is_published_and_noted() -> None:
    ledger, courier = a_ledger(due(), due(Status.RETRYING), due(Status.SCHEDULED)), FakeCourier()
    run(ledger, courier)
    assert len(courier.taken) == 3
    assert set(statuses(ledger)) == {Status.QUEUED}


def test_what_the_broker_did_not_take_stays_as_it_is_and_has_a_next_time() -> None:
    ledger, courier = a_ledger(due(), due()), FakeCourier(most=1)
    run(ledger, courier)
    assert sorted(statuses(ledger)) == [Status.ACCEPTED, Status.QUEUED]
    assert all(row.wake_at and row.wake_at > ledger.clock() for row in ledger.rows.values())


def test_while_the_broker_is_away_only_one_page_is_put_off() -> None:
    ledger = a_ledger(*[due() for _ in range(PAGE + 7)])
    run(ledger, FakeCourier(up=False))
    assert len(ledger.take_due(limit=PAGE)) == 7


def test_a_page_after_another_is_published_while_there_is_time() -> None:
    ledger, courier = a_ledger(*[due() for _ in range(PAGE + 7)]), FakeCourier()
    run(ledger, courier, remaining_s=(60, 0))
    assert len(courier.taken) == PAGE + 7


def test_when_time_is_short_the_next_invocation_goes_on() -> None:
    ledger, courier = a_ledger(*[due() for _ in range(PAGE + 7)]), FakeCourier()
    run(ledger, courier, remaining_s=(3,))
    assert len(courier.taken) == PAGE
    run(ledger, courier, remaining_s=(3,))
    assert len(courier.taken) == PAGE + 7


def test_it_passes_again_while_another_pass_fits() -> None:
    assert run(a_ledger(), FakeCourier(), remaining_s=(60, 40, 20, 14)) == 3


def test_a_queued_row_is_published_again_only_if_its_lane_is_empty() -> None:
    full, empty = due(Status.QUEUED), due(Status.QUEUED, replace(a_waiting(), lane="push"))
    ledger, courier = a_ledger(full, empty), FakeCourier(ready={"email": 9})
    run(ledger, courier)
    assert ledger.asked_for_lost == [["push"]]
    assert [one.message_id for one in courier.taken] == [str(empty.waiting.delivery_id)]


def test_while_the_broker_cannot_say_what_it_holds_nothing_is_thought_lost() -> None:
    ledger = a_ledger(due(Status.QUEUED))
    run(ledger, FakeCourier(up=False))
    assert ledger.asked_for_lost == []


def test_a_lane_that_holds_enough_gets_nothing_more_and_the_others_do() -> None:
    ledger, courier = a_ledger(due(), push(), due()), FakeCourier(ready={"email": HIGH_WATER})
    run(ledger, courier)
    assert [one.destination for one in courier.taken] == ["push"]
    assert sorted(statuses(ledger)) == [Status.ACCEPTED, Status.ACCEPTED, Status.QUEUED]


def test_a_pass_fills_a_lane_and_does_not_flood_it() -> None:
    ledger, courier = a_ledger(*[due() for _ in range(30)]), FakeCourier(ready={"email": HIGH_WATER - 7})
    run(ledger, courier)
    assert len(courier.taken) == 7


def test_a_full_lane_does_not_stand_before_the_others_however_much_waits_for_it() -> None:
    rows = [*[due() for _ in range(2 * PAGE)], push()]
    ledger, courier = a_ledger(*rows), FakeCourier(ready={"email": HIGH_WATER})
    run(ledger, courier, remaining_s=(60, 60, 0))
    assert [one.destination for one in courier.taken] == ["push"]


def test_a_lane_whose_queue_is_gone_does_not_hold_up_the_others_however_much_waits_for_it() -> None:
    ledger = a_ledger(*[push() for _ in range(3 * PAGE)], due())
    courier = FakeCourier(unroutable=frozenset({"push"}))
    run(ledger, courier, remaining_s=(10,))
    assert [one.destination for one in courier.taken] == ["email"]


def test_in_a_full_lane_ends_are_still_looked_for() -> None:
    ledger, courier = a_ledger(due(), push()), FakeCourier(ready={"email": HIGH_WATER})
    run(ledger, courier)
    assert ledger.ended_within == [["email"]]


def test_a_broker_that_cannot_say_what_it_holds_is_given_everything() -> None:
    ledger = a_ledger(*[due() for _ in range(30)])
    courier = MuteCourier(ready={"email": HIGH_WATER})
    run(ledger, courier)
    assert len(courier.taken) == 30


def test_one_lane_that_cannot_say_what_it_holds_does_not_keep_another_from_being_looked_at() -> None:
    ledger, courier = a_ledger(due(Status.QUEUED), push(Status.QUEUED)), MuteCourier(mute=("email",))
    run(ledger, courier)
    assert ledger.asked_for_lost == [["push"]]


def test_the_broker_is_asked_once_a_lane_and_not_at_all_when_nothing_is_due() -> None:
    courier = MuteCourier(mute=())
    run(a_ledger(), courier)
    assert courier.asked == []
    run(a_ledger(*[due() for _ in range(2 * PAGE)], push(Status.QUEUED)), courier, remaining_s=(60, 60, 60, 0))
    assert sorted(courier.asked) == ["email", "push"]


@dataclass
class MuteCourier(FakeCourier):
    """Takes everything, and does not tell what these lanes hold."""

    mute: tuple[str, ...] = ("email", "push")
    asked: list[str] = field(default_factory=list)

    def count_ready(self, lane: str, *, timeout_s: float) -> int:
        self.asked.append(lane)
        if lane in self.mute:
            raise BrokerUnavailable("nobody knows")
        return super().count_ready(lane, timeout_s=timeout_s)
