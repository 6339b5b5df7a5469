"""What was in hand when a function died comes back with care: its killer must not burn those who waited beside it."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from uuid import UUID

import psycopg
import pytest

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.domain.delivery import NewNotification
from chalicelib.domain.messages import FAILED, DeliveryMessage, decode_message
from chalicelib.domain.notification import OPEN, Status
from chalicelib.domain.recipient import EmailTarget
from chalicelib.services.ports import CompiledContents
from tests.fakes_core import Died
from tests.machine import Machine, RememberingProvider

HELD = "SELECT count(*) FROM notifications.deliveries WHERE status = 'sending'"
AT_ONCE = 4  # the machine's concurrency
PEOPLE = [EmailTarget(f"person-{number}@example.org") for number in range(AT_ONCE + 2)]
MANY = [EmailTarget(f"person-{number}@example.org") for number in range(30)]
MOST_DEATHS = 3


@dataclass
class WatchingProvider(RememberingProvider):
    """Accepts, and notes how many deliveries a worker holds at that moment."""

    url: str = ""
    held: list[int] = field(default_factory=list)

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(HELD).fetchone()
            self.held.append(row[0] if row else 0)
        return super().send(outgoing, deadline=deadline)


@dataclass
class KillingProvider(RememberingProvider):
    """Accepts; sending the poison ends the process."""

    poison: UUID | None = None

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        if outgoing.delivery_id == self.poison:
            raise Died
        return super().send(outgoing, deadline=deadline)


def die_with(machine: Machine, new: NewNotification, *, times: int) -> list[DeliveryMessage]:
    """A function claims all of it and dies, so often; the messages that come afterwards."""
    messages = machine.messages(new)
    for _ in range(times):
        machine.claims.claim(messages, lease_s=30)
        machine.let_pass(timedelta(seconds=31))
        messages = machine.relay()
    return messages


def statuses(machine: Machine, new: NewNotification) -> list[Status]:
    return sorted(delivery.status for delivery in machine.trace(new).deliveries)


@pytest.mark.parametrize("deaths", [1, 2])
def test_after_a_death_each_is_tried_alone_and_nothing_else_is_held(
    machine: Machine, migrated_url: str, deaths: int
) -> None:
    machine.provider = WatchingProvider(url=migrated_url)
    new = machine.record(targets=PEOPLE)
    machine.deliver(*die_with(machine, new, times=deaths))
    assert statuses(machine, new) == [Status.SENT] * len(PEOPLE)
    assert machine.provider.held == [1] * len(PEOPLE)


def test_they_wait_until_their_innocent_neighbours_are_settled(machine: Machine, migrated_url: str) -> None:
    machine.provider = WatchingProvider(url=migrated_url)
    suspect, innocent = machine.record(), machine.record(targets=PEOPLE[:3])
    machine.deliver(*die_with(machine, suspect, times=1), *machine.messages(innocent))
    assert machine.provider.sent[-1].delivery_id == suspect.deliveries[0].delivery_id
    assert machine.provider.held[-1] == 1


def test_who_was_there_most_often_comes_last(machine: Machine) -> None:
    often, once = machine.record(), machine.record()
    messages = [*die_with(machine, often, times=2), *die_with(machine, once, times=1)]
    machine.deliver(*messages)
    assert [one.delivery_id for one in machine.provider.sent] == [
        new.deliveries[0].delivery_id for new in (once, often)
    ]


def test_suspects_for_whom_there_is_no_time_go_back_to_their_queue(machine: Machine) -> None:
    new = machine.record(targets=PEOPLE)
    machine.deliver(*die_with(machine, new, times=1), remaining_s=4)
    assert statuses(machine, new) == [Status.QUEUED] * len(PEOPLE)
    back = [decode_message(dispatch.body) for dispatch in machine.courier.taken[-len(PEOPLE) :]]
    machine.deliver(*back)
    assert statuses(machine, new) == [Status.SENT] * len(PEOPLE)


def live_through(machine: Machine, new: NewNotification) -> int:
    """Hand out all there is until everything has ended; how often the process died."""
    deaths, queue = 0, machine.messages(new)
    while any(delivery.status in OPEN for delivery in machine.trace(new).deliveries):
        died = True
        with suppress(Died):
            machine.deliver(*queue)
            died = False
        deaths += died
        assert deaths <= MOST_DEATHS
        machine.let_pass(timedelta(minutes=2))
        # what a dead function has not acknowledged is handed out again, beside what relay brings back
        queue = [*(queue if died else ()), *machine.relay()]
    return deaths


def require_only_the_poison_failed(machine: Machine, new: NewNotification, poison: UUID) -> None:
    ends = {delivery.delivery_id: (delivery.status, delivery.reason) for delivery in machine.trace(new).deliveries}
    assert ends.pop(poison) == (Status.FAILED, "crashed")
    assert set(ends.values()) == {(Status.SENT, None)}
    times = Counter(outgoing.delivery_id for outgoing in machine.provider.sent)
    assert set(times) == set(ends)
    assert max(times.values()) <= 2
    assert [dispatch.destination for dispatch in machine.courier.taken].count(FAILED) == 1
    with machine.database.session() as connection:
        assert connection.execute("SELECT delivery_id FROM notifications.failed").fetchall() == [(poison,)]


@pytest.mark.parametrize("place", [0, 2, 13, 29])
def test_one_whose_sending_kills_fails_alone_and_no_other_is_sent_more_than_twice(machine: Machine, place: int) -> None:
    new = machine.record(targets=MANY)
    poison = new.deliveries[place].delivery_id
    machine.provider = KillingProvider(poison=poison)
    assert live_through(machine, new) == MOST_DEATHS
    require_only_the_poison_failed(machine, new, poison)


def test_a_death_is_charged_to_what_was_about_to_be_sent_and_not_to_all_of_the_batch(machine: Machine) -> None:
    new = machine.record(targets=MANY)
    machine.provider = KillingProvider(poison=new.deliveries[0].delivery_id)
    machine.monotonic_s = map(float, count()).__next__  # a second from one reading to the next: nothing is quick
    with suppress(Died):
        machine.deliver(*machine.messages(new))
    machine.let_pass(timedelta(minutes=2))
    machine.relay()
    assert 1 <= sum(delivery.crashes for delivery in machine.trace(new).deliveries) <= 2 * AT_ONCE


@pytest.mark.parametrize("place", [0, 13, 29])
def test_one_whose_rendering_kills_fails_alone_and_no_other_is_sent_more_than_twice(
    machine: Machine, place: int
) -> None:
    new = machine.record(targets=MANY)
    poison = new.deliveries[place].delivery_id
    with machine.database.session() as connection:
        connection.execute("UPDATE notifications.deliveries SET template_version = 666 WHERE id = %s", [poison])
    compiled = machine.compiled

    def killing(code: str, number: int, /) -> CompiledContents:
        if number == 666:
            raise Died
        return compiled(code, number)

    machine.compiled = killing
    assert live_through(machine, new) == MOST_DEATHS
    require_only_the_poison_failed(machine, new, poison)


def test_two_that_kill_in_one_batch_fail_and_burn_nobody(machine: Machine) -> None:
    new = machine.record(targets=MANY)
    first, second = new.deliveries[5].delivery_id, new.deliveries[20].delivery_id

    class TwiceKilling(RememberingProvider):
        def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
            if outgoing.delivery_id in (first, second):
                raise Died
            return super().send(outgoing, deadline=deadline)

    machine.provider = TwiceKilling()
    deaths, queue = 0, machine.messages(new)
    while any(delivery.status in OPEN for delivery in machine.trace(new).deliveries):
        try:
            machine.deliver(*queue)
            queue = []
        except Died:
            deaths += 1
        machine.let_pass(timedelta(minutes=2))
        queue = [*queue, *machine.relay()]
        assert deaths <= 2 * MOST_DEATHS
    ends = Counter(delivery.status for delivery in machine.trace(new).deliveries)
    assert ends == {Status.SENT: len(MANY) - 2, Status.FAILED: 2}
    assert max(Counter(one.delivery_id for one in machine.provider.sent).values()) <= 2
