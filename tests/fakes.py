"""Fakes with state, which pass the same contract suites as the adapters that they stand for."""

import threading
from collections import defaultdict
from uuid import UUID

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.errors import DeliveryError, OutcomeUnknown, ProviderUnavailable


class FakeProvider:
    """Accepts everything, into `accepted`, except what a test told it to fail."""

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.accepted: list[Outgoing] = []
        self._failures: defaultdict[UUID, list[DeliveryError]] = defaultdict(list)
        self._answers_lost: set[UUID] = set()
        self._lock = threading.Lock()

    def fail(self, delivery_id: UUID, *errors: DeliveryError) -> None:
        """The next attempts of this delivery end so, one error each; those after them are accepted."""
        self._failures[delivery_id].extend(errors)

    def lose_answers(self, delivery_id: UUID) -> None:
        """This delivery is accepted, and its sender never learns of it."""
        self._answers_lost.add(delivery_id)

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        if not deadline.remaining_s:
            raise ProviderUnavailable("the deadline has passed", provider=self.name)
        with self._lock:
            if self._failures[outgoing.delivery_id]:
                raise self._failures[outgoing.delivery_id].pop(0)
            self.accepted.append(outgoing)
        if outgoing.delivery_id in self._answers_lost:
            raise OutcomeUnknown("the answer was lost", provider=self.name)
        return Receipt(self.name, f"fake-{len(self.accepted)}")
