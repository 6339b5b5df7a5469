"""What was in hand when a function died comes back with care: its killer must not burn those who waited beside it."""

from dataclasses import dataclass, field
from datetime import timedelta

import psycopg

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.domain.delivery import NewNotification
from chalicelib.domain.messages import DeliveryMessage, decode_message
from chalicelib.domain.notification import Status
from chalicelib.domain.recipient import EmailTarget
from tests.machine import Machine, RememberingProvider

HELD = "SELECT count(*) FROM notifications.deliveries WHERE status = 'sending'"
AT_ONCE = 4  # the machine's concurrency
PEOPLE = [EmailTarget(f"person-{number}@example.org") for number in range(AT_ONCE + 2)]


@dataclass
class WatchingProvider(RememberingProvider):
    """Accepts, and notes how many deliveries a worker holds at that moment."""

    url: str = ""
    held: list[int] = field(default_factory=list)

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM notifications.deliveries WHERE status = 'sending'"
            ).fetchone()
            self.held.append(row[0] if row else 0)
        return super().send(outgoing, deadline=deadline)


def die_with(machine: Machine, new: NewNotification, *, times: int) -> list[DeliveryMessage]:
    """A function claims all of it and dies, so often; the messages that come afterwards."""
    messages = machine.messages(new)
    for _ in range(times):
        machine.claims.claim(messages, lease_s=30)
        machine.let_pass(timedelta(seconds=31))
        messages = machine.relay()
    return messages


def returned(machine: Machine, count: int) -> list[DeliveryMessage]:
    return [decode_message(dispatch.body) for dispatch in machine.courier.taken[-count:]]


def statuses(machine: Machine, new: NewNotification) -> list[Status]:
    return sorted(delivery.status for delivery in machine.trace(new).deliveries)


def test_after_one_death_they_are_tried_in_rounds_and_nothing_else_is_held(machine: Machine, migrated_url: str) -> None:
    machine.provider = WatchingProvider(url=migrated_url)
    new = machine.record(targets=PEOPLE)
    machine.deliver(*die_with(machine, new, times=1))
    assert statuses(machine, new) == [Status.QUEUED] * 2 + [Status.SENT] * AT_ONCE
    assert max(machine.provider.held) <= AT_ONCE
    machine.deliver(*returned(machine, 2))
    assert statuses(machine, new) == [Status.SENT] * len(PEOPLE)


def test_after_two_deaths_each_is_tried_alone(machine: Machine, migrated_url: str) -> None:
    machine.provider = WatchingProvider(url=migrated_url)
    new = machine.record(targets=PEOPLE[:3])
    messages = die_with(machine, new, times=2)
    for left in (2, 1, 0):
        machine.deliver(*messages)
        assert statuses(machine, new) == [Status.QUEUED] * left + [Status.SENT] * (3 - left)
        messages = returned(machine, left) if left else []
    assert machine.provider.held == [1, 1, 1]


def test_they_wait_until_their_innocent_neighbours_are_settled(machine: Machine, migrated_url: str) -> None:
    machine.provider = WatchingProvider(url=migrated_url)
    suspect, innocent = machine.record(), machine.record(targets=PEOPLE[:3])
    machine.deliver(*die_with(machine, suspect, times=1), *machine.messages(innocent))
    assert machine.provider.sent[-1].delivery_id == suspect.deliveries[0].delivery_id
    assert machine.provider.held[-1] == 1
