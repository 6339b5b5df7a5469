"""Relay dies between any two of its steps: what it had in hand comes back, and is sent once."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from chalicelib.domain.circuit import Circuit, Move
from chalicelib.domain.delivery import NewNotification
from chalicelib.domain.messages import decode_message
from chalicelib.domain.notification import Channel, Status
from chalicelib.errors import ProvidersLeftAlone
from chalicelib.services.breaker import CircuitScope
from chalicelib.services.relay import relay
from chalicelib.services.release import Release, Way
from chalicelib.services.settle import decide
from chalicelib.stores.left_alone import LeftAloneStore
from chalicelib.stores.outbox import TAKEN_S
from tests.fakes_core import Died, Faulty
from tests.machine import Machine, SilentLog, now


class ClosedCircuits:
    def inspect(self, name: str) -> tuple[Move, CircuitScope]:
        return Move(Circuit(), now().timestamp()), CircuitScope.SHARED


def due(machine: Machine) -> NewNotification:
    new = machine.record()
    machine.let_pass(timedelta(seconds=6))
    return new


def lost(machine: Machine) -> NewNotification:
    new = due(machine)
    machine.relay()
    machine.courier.taken.clear()
    machine.let_pass(timedelta(minutes=2))
    return new


def released(machine: Machine) -> NewNotification:
    new = machine.record()
    (claimed,) = machine.claims.claim([machine.message(new)], lease_s=30)
    machine.settlements.settle([decide(claimed, ProvidersLeftAlone("all open", retry_after_s=300), machine.delays)])
    return new


def leased(machine: Machine) -> NewNotification:
    new = machine.record()
    machine.claims.claim([machine.message(new)], lease_s=30)
    machine.let_pass(timedelta(seconds=31))
    return new


Source = Callable[[Machine], NewNotification]
TAKES: dict[Source, str] = {due: "take_due", lost: "take_lost", leased: "take_due", released: "take"}
POINTS = [(None, True), ("publish", False), ("publish", True), ("mark_queued", False), ("mark_queued", True)]


def relay_that_dies(machine: Machine, call: str, *, effect: bool) -> None:
    outbox = Faulty(machine.outbox, call, Died(), effect=effect)
    courier = Faulty(machine.courier, call, Died(), effect=effect)
    left_alone = Faulty(LeftAloneStore(database=machine.database), call, Died(), effect=effect)
    with pytest.raises(Died):
        run_relay(machine, outbox, courier, left_alone)


def run_relay(machine: Machine, outbox: object, courier: object, left_alone: object) -> None:
    relay(
        outbox=outbox,  # type: ignore[arg-type]  # Faulty has whatever its inner collaborator has
        courier=courier,  # type: ignore[arg-type]
        gauge=machine.courier,
        clock=now,
        remaining_s=lambda: 0.0,
        pause=lambda _: None,
        log=SilentLog(),
        release=Release(left_alone, ClosedCircuits(), {Channel.EMAIL: [Way("email:main")]}),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{'after' if point[1] else 'before'} {point[0] or 'take'}")
@pytest.mark.parametrize("source", TAKES, ids=lambda source: source.__name__)
def test_whatever_step_it_dies_after_the_row_comes_back_and_is_sent_once(
    machine: Machine, source: Source, point: tuple[str | None, bool]
) -> None:
    new = source(machine)
    call, effect = point
    relay_that_dies(machine, call or TAKES[source], effect=effect)
    machine.let_pass(timedelta(seconds=TAKEN_S + 0.1))
    machine.relay()
    machine.let_pass(timedelta(minutes=5))
    machine.relay()
    for dispatch in machine.courier.taken:
        machine.deliver(decode_message(dispatch.body))
    assert machine.delivery(new).status is Status.SENT
    assert len(machine.provider.sent) == 1


def test_one_that_lives_releases_what_waits_for_its_provider_and_nothing_else(machine: Machine) -> None:
    new, quiet = released(machine), machine.record(send_at=now() + timedelta(hours=1))
    run_relay(machine, machine.outbox, machine.courier, LeftAloneStore(database=machine.database))
    assert machine.delivery(new).status is Status.QUEUED
    assert machine.delivery(quiet).status is Status.SCHEDULED
