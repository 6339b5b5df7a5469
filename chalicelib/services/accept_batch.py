"""Accepts many notifications in one request: each as if it had been posted alone, and none in another's way.

    look up what all of them need → compose each → commit in chunks → ONE publish → an outcome for each, in order

If the process dies in the middle, what is committed is delivered by `relay`, and a repetition with the same keys is
answered from it. The Redis memory of keys is left out: PostgreSQL is asked once for all of them, and decides.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.delivery import NewNotification, NewRecord, RememberedRequest
from chalicelib.domain.request import SendNotification
from chalicelib.errors import CarillonError, DatabaseUnavailable, DependencyUnavailable, RequestInProgress
from chalicelib.services.accept import Accepted, answer_of
from chalicelib.services.announce import announce
from chalicelib.services.compose import compose
from chalicelib.services.gather import Gathered, gather
from chalicelib.services.ports import (
    Catalog,
    Clock,
    CompiledTemplates,
    Courier,
    Notifications,
    Outbox,
    People,
    PreferencesOf,
)
from chalicelib.services.recall import require_same

KEY_OF_ITEM = "/idempotency_key"

MOST_TOGETHER = 100
"""How many notifications are committed in one transaction; with many deliveries each, fewer."""

MOST_DELIVERIES_TOGETHER = 1_000

Outcome = Accepted | CarillonError
"""What a single post would have answered."""


@dataclass(slots=True)
class _Batch:
    """What became of each item so far, by its place."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    pending: dict[int, NewRecord] = field(default_factory=dict)
    leaders: dict[str, tuple[int, RememberedRequest]] = field(default_factory=dict)
    followers: dict[int, int] = field(default_factory=dict)

    def add(self, place: int, new: NewNotification, command: SendNotification) -> None:
        remember = None
        if command.idempotency is not None:
            key = command.idempotency
            remember = RememberedRequest(key.key, key.request_hash, answer_of(new))
            self.leaders[key.key] = place, remember
        self.pending[place] = NewRecord(new, remember)


def accept_batch(
    items: Sequence[SendNotification | CarillonError],
    *,
    people: People,
    preferences_of: PreferencesOf,
    catalog: Catalog,
    compiled: CompiledTemplates,
    notifications: Notifications,
    outbox: Outbox,
    courier: Courier,
    clock: Clock,
    remember_s: int,
) -> Sequence[Outcome]:
    """Commit what can be accepted, try to publish it, and tell of each item what became of it, in order.

    An item that is an error already keeps it. Items with the same idempotency key are as posts one after the other.
    All commands are of one client.

    Raises:
        DependencyUnavailable: a service was away, and nothing could be stored.
    """
    commands = [item for item in items if isinstance(item, SendNotification)]
    keys = {command.idempotency.key for command in commands if command.idempotency}
    remembered = notifications.find_all_remembered(commands[0].client_id, keys) if keys else {}
    gathered = gather(commands, people=people, preferences_of=preferences_of, catalog=catalog, compiled=compiled)
    batch = _Batch()
    for place, item in enumerate(items):
        if isinstance(item, CarillonError):
            batch.outcomes[place] = item
            continue
        try:
            if not _is_known(place, item, batch, remembered):
                batch.add(place, _compose(item, gathered, clock()), item)
        except CarillonError as error:
            batch.outcomes[place] = error
    recorded = _record(batch, notifications, remember_s)
    announce(recorded, outbox=outbox, courier=courier, published_at=clock())
    return _told(batch, len(items))


def _compose(command: SendNotification, gathered: Gathered, now: datetime) -> NewNotification:
    return compose(
        command,
        people=gathered,
        preferences_of=gathered.preferences_of,
        catalog=gathered,
        compiled=gathered.compiled,
        now=now,
    )


def _is_known(
    place: int, command: SendNotification, batch: _Batch, remembered: Mapping[str, RememberedRequest]
) -> bool:
    """Whether the item's key stands for something already, in PostgreSQL or earlier in this batch.

    Raises:
        InvalidRequest: it stands for another request.
    """
    if command.idempotency is None:
        return False
    key = command.idempotency.key
    if key in remembered:
        require_same(command.idempotency, remembered[key], pointer=KEY_OF_ITEM)
        batch.outcomes[place] = Accepted(remembered[key].answer, replayed=True)
        return True
    if key in batch.leaders:
        leader, stands_for = batch.leaders[key]
        require_same(command.idempotency, stands_for, pointer=KEY_OF_ITEM)
        batch.followers[place] = leader
        return True
    return False


def _record(batch: _Batch, notifications: Notifications, remember_s: int) -> list[NewNotification]:
    """Commit chunk by chunk. When PostgreSQL goes away, what is committed stays so, and the rest is not tried."""
    recorded: list[NewNotification] = []
    chunks = list(_chunks(batch.pending))
    for number, chunk in enumerate(chunks):
        try:
            ids = notifications.record_all([record for _, record in chunk], remember_s=remember_s)
        except DatabaseUnavailable as error:
            batch.outcomes |= {place: error for late in chunks[number:] for place, _ in late}
            break
        for place, record in chunk:
            if record.notification.notification_id in ids:
                batch.outcomes[place] = Accepted(answer_of(record.notification))
                recorded.append(record.notification)
            else:
                batch.outcomes[place] = RequestInProgress("The key was taken meanwhile.", retry_after_s=1)
    return recorded


def _chunks(pending: Mapping[int, NewRecord]) -> Iterator[list[tuple[int, NewRecord]]]:
    chunk: list[tuple[int, NewRecord]] = []
    deliveries = 0
    for place, record in pending.items():
        chunk.append((place, record))
        deliveries += len(record.notification.deliveries)
        if len(chunk) == MOST_TOGETHER or deliveries >= MOST_DELIVERIES_TOGETHER:
            yield chunk
            chunk, deliveries = [], 0
    if chunk:
        yield chunk


def _told(batch: _Batch, count: int) -> Sequence[Outcome]:
    for place, leader in batch.followers.items():
        outcome = batch.outcomes[leader]
        batch.outcomes[place] = Accepted(outcome.answer, replayed=True) if isinstance(outcome, Accepted) else outcome
    outcomes = [batch.outcomes[place] for place in range(count)]
    unavailable = [outcome for outcome in outcomes if isinstance(outcome, DependencyUnavailable)]
    if unavailable and not any(isinstance(outcome, Accepted) for outcome in outcomes):
        raise unavailable[0]
    return outcomes
