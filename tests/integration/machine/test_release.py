"""Deferred rows come back before their time when their provider is back, in a ramp, and no others do."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.domain.circuit import CircuitRules
from chalicelib.domain.delivery import NewNotification
from chalicelib.domain.notification import Channel, Status
from chalicelib.domain.pace import Pace
from chalicelib.domain.recipient import EmailTarget
from chalicelib.services.breaker import LocalCircuits, SharedCircuits
from chalicelib.services.lane_room import HIGH_WATER
from chalicelib.services.relay import relay
from chalicelib.services.release import FIRST_STEP, PROBES, Release, Way
from chalicelib.stores.cache import Cache
from chalicelib.stores.circuits import RedisCircuits
from chalicelib.stores.left_alone import LeftAloneStore
from chalicelib.stores.outbox import TAKEN_S
from chalicelib.stores.pace import SharedPace
from tests.machine import Machine, SilentLog, now

MAIN = "email:main"
OPEN_S = 0.3
RULES = CircuitRules(failure_threshold=1, open_s=OPEN_S, probe_s=20)

DEFER = """
    UPDATE notifications.deliveries d
    SET status = 'deferred', reason = %(reason)s, wake_at = now() + %(wakes_in)s, deferrals = 1
    WHERE d.notification_id = %(notification_id)s
"""


@pytest.fixture
def circuits(fresh_redis: str) -> Iterator[SharedCircuits]:
    cache = Cache(fresh_redis)
    alone = LocalCircuits(rules=RULES, monotonic_s=lambda: 0.0)
    yield SharedCircuits(shared=RedisCircuits(cache=cache, rules=RULES), alone=alone)
    cache.close()


def deferred(
    machine: Machine, count: int = 1, *, reason: str = "circuit_open", wakes_in: timedelta = timedelta(minutes=5)
) -> NewNotification:
    new = machine.record(targets=[EmailTarget(f"person-{number}@example.org") for number in range(count)])
    with machine.database.session() as connection:
        connection.execute(DEFER, {"reason": reason, "wakes_in": wakes_in, "notification_id": new.notification_id})
    return new


def passes(
    machine: Machine, circuits: SharedCircuits, *, per_second: float | None = None, pace: Pace | None = None
) -> int:
    """How many one pass of relay published."""
    before = len(machine.courier.taken)
    relay(
        outbox=machine.outbox,
        courier=machine.courier,
        gauge=machine.courier,
        clock=now,
        remaining_s=lambda: 10.0,
        pause=lambda _: None,
        log=SilentLog(),
        release=Release(
            LeftAloneStore(database=machine.database),
            circuits,
            {Channel.EMAIL: [Way(MAIN, per_second)]},
            paces={MAIN: pace} if pace else {},
        ),
    )
    return len(machine.courier.taken) - before


def open_it(circuits: SharedCircuits) -> None:
    assert circuits.fail(MAIN, circuits.look(MAIN).circuit.generation).changed


def close_it(circuits: SharedCircuits) -> None:
    while not circuits.admit(MAIN).admitted:
        pass  # the shared clock is Redis' own
    assert circuits.succeed(MAIN, circuits.look(MAIN).circuit.generation).changed


def test_an_outage_ends_with_a_probe_and_then_a_ramp(machine: Machine, circuits: SharedCircuits) -> None:
    new = deferred(machine, 400)
    open_it(circuits)
    assert passes(machine, circuits) == 0
    while circuits.look(MAIN).circuit.refuses_for_s(circuits.look(MAIN).at_s):
        pass
    assert passes(machine, circuits) == PROBES
    close_it(circuits)
    assert passes(machine, circuits) == FIRST_STEP
    states = [delivery.status for delivery in machine.trace(new).deliveries]
    assert states.count(Status.QUEUED) == PROBES + FIRST_STEP
    assert states.count(Status.DEFERRED) == 400 - PROBES - FIRST_STEP


def test_what_nobody_holds_back_any_more_comes_back_whole(machine: Machine, circuits: SharedCircuits) -> None:
    deferred(machine, 1_200)
    assert passes(machine, circuits) == 1_200
    assert passes(machine, circuits) == 0


@pytest.mark.parametrize("reason", ["quiet_hours", "database_unavailable", "throttled"])
def test_what_waits_for_something_else_waits_for_its_time(
    machine: Machine, circuits: SharedCircuits, reason: str
) -> None:
    deferred(machine, reason=reason)
    assert passes(machine, circuits) == 0


def test_what_a_rate_put_off_comes_back_at_that_rate(machine: Machine, circuits: SharedCircuits) -> None:
    deferred(machine, 100, reason="throttled")
    assert passes(machine, circuits, per_second=5) == 15


def test_a_provider_that_takes_no_more_is_left_alone_for_as_long_as_it_said(
    machine: Machine, circuits: SharedCircuits, fresh_redis: str
) -> None:
    """Its rate alone would bring them back at every pass, only to be put off once more."""
    deferred(machine, 100, reason="throttled")
    cache = Cache(fresh_redis)
    pace = SharedPace(MAIN, 0.2, cache=cache, monotonic_s=lambda: 0.0)
    SharedPace(MAIN, 0.2, cache=cache, monotonic_s=lambda: 0.0).hold(600)  # another function was told
    assert passes(machine, circuits, per_second=5, pace=pace) == 0
    other = SharedPace("email:other", 0.2, cache=cache, monotonic_s=lambda: 0.0)
    assert passes(machine, circuits, per_second=5, pace=other) == 15
    cache.close()


def test_what_is_due_soon_comes_by_itself_and_is_nobodys_to_release(machine: Machine, circuits: SharedCircuits) -> None:
    deferred(machine, wakes_in=timedelta(seconds=TAKEN_S - 1))
    assert passes(machine, circuits) == 0


def test_a_lane_gets_no_more_than_it_has_room_for(machine: Machine, circuits: SharedCircuits) -> None:
    new = deferred(machine, 20)
    machine.courier.ready["email"] = HIGH_WATER - 7
    assert passes(machine, circuits) == 7
    states = [delivery.status for delivery in machine.trace(new).deliveries]
    assert (states.count(Status.QUEUED), states.count(Status.DEFERRED)) == (7, 13)


def test_while_redis_is_away_everything_comes_back_at_its_own_time(machine: Machine) -> None:
    alone = LocalCircuits(rules=RULES, monotonic_s=lambda: 0.0)
    away = Cache("redis://127.0.0.1:1/0")
    circuits = SharedCircuits(shared=RedisCircuits(cache=away, rules=RULES), alone=alone)
    deferred(machine)
    assert passes(machine, circuits) == 0
    machine.let_pass(timedelta(minutes=6))
    assert passes(machine, circuits) == 1
    away.close()


def test_a_counted_deferral_writes_no_event_when_it_comes_back(machine: Machine, circuits: SharedCircuits) -> None:
    new = deferred(machine)
    with machine.database.session() as connection:
        connection.execute("UPDATE notifications.deliveries SET deferred_event = gen_random_uuid()")
    assert passes(machine, circuits) == 1
    assert machine.events(new) == ["accepted"]


def test_one_that_quiet_hours_put_off_tells_that_it_was_queued(machine: Machine, circuits: SharedCircuits) -> None:
    new = deferred(machine, reason="quiet_hours", wakes_in=timedelta(0))
    assert passes(machine, circuits) == 1
    assert machine.events(new) == ["accepted", "queued"]


def test_the_oldest_come_back_first_however_often_they_were_deferred(
    machine: Machine, circuits: SharedCircuits
) -> None:
    oldest = deferred(machine, 30, wakes_in=timedelta(minutes=14))
    newest = deferred(machine, 30, wakes_in=timedelta(minutes=1))
    open_it(circuits)
    close_it(circuits)
    assert passes(machine, circuits) == FIRST_STEP
    came_back = {status: 0 for status in Status}
    for delivery in machine.trace(oldest).deliveries:
        came_back[delivery.status] += 1
    assert came_back[Status.QUEUED] == FIRST_STEP
    assert {delivery.status for delivery in machine.trace(newest).deliveries} == {Status.DEFERRED}
