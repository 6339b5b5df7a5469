"""How much of a batch is in a worker's hands: what a death is charged to is no more than is on its way."""

import threading
from collections.abc import Collection
from dataclasses import dataclass, field

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.domain.circuit import NeverOpen, Prospect
from chalicelib.domain.delivery import Claimed
from chalicelib.domain.messages import DeliveryMessage
from chalicelib.domain.notification import Status
from chalicelib.domain.recipient import EmailTarget
from chalicelib.stores.claims import ClaimStore
from tests.machine import Machine, RememberingProvider

AT_ONCE = 4  # the machine's concurrency
REFUSALS = 3
MANY = [EmailTarget(f"person-{number}@example.org") for number in range(40)]


class CountingClaims(ClaimStore):
    """Notes how many were asked for at once."""

    sizes: list[int]

    def claim(self, messages: Collection[DeliveryMessage], *, lease_s: float, suspects: bool = True) -> list[Claimed]:
        self.sizes.append(len(messages))
        return super().claim(messages, lease_s=lease_s, suspects=suspects)


@dataclass
class Wavering(NeverOpen):
    """Refuses some times in a row, as soon as it is told to, and is willing from then on."""

    left: int = 0
    is_willing: threading.Event = field(default_factory=threading.Event)

    def refuse(self) -> None:
        self.left = REFUSALS

    def foresee(self) -> Prospect:
        if not self.left:
            return Prospect()
        self.left -= 1
        if not self.left:
            self.is_willing.set()
        return Prospect(refused_for_s=5.0)


@dataclass
class SlowForOne(RememberingProvider):
    """Of the first that are sent at once, one takes until the circuit is willing again."""

    circuit: Wavering = field(default_factory=Wavering)

    def __post_init__(self) -> None:
        self.together = threading.Barrier(AT_ONCE, action=self.circuit.refuse)

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        if not self.circuit.is_willing.is_set() and self.together.wait(timeout=10) == 0:
            self.circuit.is_willing.wait(timeout=10)
        return super().send(outgoing, deadline=deadline)


def test_being_told_that_there_is_no_room_makes_no_portion_larger(machine: Machine) -> None:
    machine.claims = claims = CountingClaims(database=machine.database)
    claims.sizes = []
    machine.provider = provider = SlowForOne()
    machine.breaker = provider.circuit
    machine.monotonic_s = lambda: 100.0  # whatever is under way was so at once
    new = machine.record(targets=MANY)
    machine.deliver(*machine.messages(new))
    assert provider.circuit.is_willing.is_set()
    assert claims.sizes == [AT_ONCE, 2 * AT_ONCE, 4 * AT_ONCE, len(MANY) - 7 * AT_ONCE]
    assert {delivery.status for delivery in machine.trace(new).deliveries} == {Status.SENT}
