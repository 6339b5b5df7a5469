"""What really happened, written down as it happens: who was promised what, who held what, what the provider took."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from chalicelib.domain.delivery import Claimed, Settlement
from chalicelib.domain.messages import DeliveryMessage
from chalicelib.domain.notification import Status
from chalicelib.services.ports import Claims, Settlements


@dataclass
class Holding:
    """A delivery in one worker's hands, from its claim on."""

    worker: str
    ticket: int
    was_void: bool
    """The message that it was claimed with bore another ticket than the row's."""
    settled_for_another: bool = False
    """Its worker was told that its outcome holds, when somebody else had the delivery."""
    took: int = 0
    lost_answers: int = 0


@dataclass
class Book:
    """Kept beside the system under test: nothing of it is read from there."""

    promised: dict[UUID, Mapping[str, Any]] = field(default_factory=dict)  # the answer's JSON, as the client got it
    by_key: dict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    cancelled: set[UUID] = field(default_factory=set)
    holdings: dict[UUID, list[Holding]] = field(default_factory=lambda: defaultdict(list))

    def claimed(self, worker: str, claimed: Claimed, *, was_void: bool) -> None:
        self.holdings[claimed.delivery_id].append(Holding(worker, claimed.ticket, was_void))

    def settled(self, settlement: Settlement) -> None:
        holdings = self.holdings[settlement.claimed.delivery_id]
        for each in holdings[:-1]:
            each.settled_for_another |= each.ticket == settlement.claimed.ticket

    def took(self, worker: str, delivery_id: UUID) -> None:
        self._holding(worker, delivery_id).took += 1

    def lost_answer(self, worker: str, delivery_id: UUID) -> None:
        self._holding(worker, delivery_id).lost_answers += 1

    def promise(self, answer: Mapping[str, Any], key: str | None) -> None:
        notification_id = UUID(answer["notification_id"])
        self.promised[notification_id] = answer
        if key is not None:
            self.by_key[key].add(notification_id)

    def _holding(self, worker: str, delivery_id: UUID) -> Holding:
        return next(each for each in reversed(self.holdings[delivery_id]) if each.worker == worker)


class RecordedClaims:
    """The real claims, each of which is written down the moment it is made."""

    def __init__(self, claims: Claims, book: Book, worker: str) -> None:
        self._claims = claims
        self._book = book
        self._worker = worker

    def claim(self, messages: Collection[DeliveryMessage], **options: Any) -> list[Claimed]:  # Any: as of the port
        claimed = self._claims.claim(messages, **options)
        good = {(message.delivery_id, message.ticket + 1) for message in messages}
        for one in claimed:
            self._book.claimed(self._worker, one, was_void=(one.delivery_id, one.ticket) not in good)
        return claimed

    def __getattr__(self, name: str) -> Any:  # Any: whatever else the port has
        return getattr(self._claims, name)


class RecordedSettlements:
    """The real settlements, each of which is written down as its worker was told."""

    def __init__(self, settlements: Settlements, book: Book) -> None:
        self._settlements = settlements
        self._book = book

    def settle(self, settlements: Sequence[Settlement]) -> Mapping[UUID, Status]:
        became = self._settlements.settle(settlements)
        for one in settlements:
            if one.claimed.delivery_id in became:
                self._book.settled(one)
        return became
