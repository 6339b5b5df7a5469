"""Holds what the database says in the end against what really happened."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from chalicelib.domain.failure import FailureState
from chalicelib.domain.notification import TERMINAL, EventName, Status
from chalicelib.services.prepare import MOST_CRASHES
from chalicelib.stores.postgres import Database
from tests.integration.machine.crash_points.book import Book, Holding
from tests.lifecycle import ends_of_claims, illegal_steps

MOST_ATTEMPTS = 4
"""One, and as many retries as the machine has delays."""

SELECT_ROWS = "SELECT id, notification_id, status, attempts, crashes FROM notifications.deliveries ORDER BY id"
SELECT_EVENTS = "SELECT delivery_id, event FROM notifications.events ORDER BY position"
SELECT_FAILED = "SELECT delivery_id, state FROM notifications.failed WHERE delivery_id IS NOT NULL"

_TOOK = frozenset({EventName.SENT, EventName.LEASE_ENDED})
_LOST_ITS_ANSWER = frozenset({EventName.RETRYING, EventName.FAILED, EventName.CANCELLED, EventName.LEASE_ENDED})


@dataclass(frozen=True, slots=True)
class Life:
    """One delivery as the database tells it."""

    delivery_id: UUID
    notification_id: UUID
    status: Status
    attempts: int
    crashes: int
    history: Sequence[EventName]


def read_lives(database: Database) -> list[Life]:
    histories: dict[UUID, list[EventName]] = defaultdict(list)
    with database.session() as connection:
        for delivery_id, event in connection.execute(SELECT_EVENTS):
            histories[delivery_id].append(EventName(event))
        rows = connection.execute(SELECT_ROWS).fetchall()
    return [Life(row[0], row[1], Status(row[2]), row[3], row[4], histories[row[0]]) for row in rows]


def count_open(database: Database) -> int:
    with database.session() as connection:
        row = connection.execute("SELECT count(*) FROM notifications.deliveries WHERE wake_at IS NOT NULL").fetchone()
    assert row is not None
    return int(row[0])


def objections(book: Book, database: Database) -> list[str]:
    """Everything that a promise, a history or an arrival holds against the system; nothing when all is well."""
    lives = read_lives(database)
    with database.session() as connection:
        records: dict[UUID, list[FailureState]] = defaultdict(list)
        for delivery_id, state in connection.execute(SELECT_FAILED):
            records[delivery_id].append(FailureState(state))
    found = [*_broken_promises(book, lives)]
    for life in lives:
        told = [
            *_of_its_end(life, records[life.delivery_id], cancelled=life.notification_id in book.cancelled),
            *(f"illegal step {step}" for step in illegal_steps(life.history)),
            *_of_its_claims(life, book.holdings.get(life.delivery_id, [])),
        ]
        found += [f"{objection}: {life} {book.holdings.get(life.delivery_id)}" for objection in told]
    return found


def _broken_promises(book: Book, lives: Sequence[Life]) -> Iterator[str]:
    known: Mapping[UUID, set[str]] = defaultdict(set)
    for life in lives:
        known[life.notification_id].add(str(life.delivery_id))
    for notification_id, answer in book.promised.items():
        if known[notification_id] != {delivery["delivery_id"] for delivery in answer["deliveries"]}:
            yield f"promised and not kept: {notification_id}"
    for key, notification_ids in book.by_key.items():
        if len(notification_ids) > 1:
            yield f"one key, several notifications: {key} {notification_ids}"


def _of_its_end(life: Life, records: Sequence[FailureState], *, cancelled: bool) -> Iterator[str]:
    if life.status not in TERMINAL:
        yield "stuck"
    ends = [event for event in life.history if event in set(map(str, TERMINAL))]
    if ends[-1:] != [str(life.status)]:
        yield "its history ends otherwise than its row says"
    if life.attempts > MOST_ATTEMPTS or life.crashes > MOST_CRASHES:
        yield "tried too often"
    if cancelled and life.status is not Status.CANCELLED:
        yield "cancelled in vain"
    if len(records) != ends.count(EventName.FAILED):
        yield "failed without a record, or the other way round"
    closed = len([state for state in records if state is FailureState.REPLAYED])
    if closed != life.history.count(EventName.REPLAYED) or len(records) - closed != (life.status is Status.FAILED):
        yield f"its records say {[*map(str, records)]}"


def _of_its_claims(life: Life, holdings: Sequence[Holding]) -> Iterator[str]:
    """A claim that the provider took a message of ends as sent, unless it ended with its lease; and only then."""
    ends = ends_of_claims(life.history)
    if len(ends) != len(holdings):
        yield "claims without an event, or the other way round"
    for end, holding in zip(ends, holdings, strict=False):
        if holding.was_void:
            yield "claimed with a void message"
        if holding.settled_for_another:
            yield "settled what another had in hand"
        if holding.took + holding.lost_answers > 1:
            yield "sent twice in one claim"
        if holding.took and end not in _TOOK:
            yield f"taken by the provider, and {end}"
        if end is EventName.SENT and not holding.took:
            yield "never taken by the provider, and sent"
        if holding.lost_answers and end not in _LOST_ITS_ANSWER:
            yield f"perhaps taken by the provider, and {end}"
