"""Replays against everybody else at the same moment: one event, one message, and one honest end."""

import random
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from chalicelib.domain.failure import FailureState
from chalicelib.domain.messages import Received
from chalicelib.domain.notification import OPEN, Status
from chalicelib.domain.recipient import EmailTarget
from chalicelib.errors import AddressRejected, Conflict
from chalicelib.services.archive import archive
from chalicelib.stores.archive import ArchiveStore
from chalicelib.stores.erasures_of_notifications import NotificationErasureStore
from chalicelib.stores.postgres import Database
from tests.failures import Desk, audited, fail, published
from tests.integration.machine.test_cancelling_races import _cancel
from tests.integration.machine.test_concurrency import at_once
from tests.machine import Machine, SilentLog, now

RUNS = 5
MANY = 40


@pytest.fixture
def desk(machine: Machine) -> Desk:
    desk = Desk(machine.database, published(), courier=machine.courier)
    machine.compiled = desk.compiled
    return desk


def _desk(database: Database) -> Desk:
    return Desk(database, published())


def _attempt(work: Callable[[], object]) -> str:
    """What came of it: the code of the refusal, or that it was done."""
    try:
        work()
    except Conflict as refusal:
        return refusal.problem_code
    return "done"


@pytest.mark.parametrize("seed", range(RUNS))
def test_eight_replays_at_once_are_one(machine: Machine, migrated_url: str, seed: int) -> None:
    new, failure_id = fail(machine)

    def replay(database: Database, _place: int) -> int:
        desk = _desk(database)
        assert desk.replay(failure_id).status is Status.QUEUED
        return len(desk.courier.taken)

    assert sum(at_once(migrated_url, 8, replay)) == 1
    assert machine.events(new).count("replayed") == 1
    assert len(audited(machine)) == 1


@pytest.mark.parametrize("seed", range(RUNS))
def test_of_a_replay_and_a_discard_one_decides(machine: Machine, desk: Desk, migrated_url: str, seed: int) -> None:
    new, failure_id = fail(machine)

    def act(database: Database, place: int) -> str:
        mine = _desk(database)
        return _attempt(lambda: mine.discard(failure_id) if place % 2 else mine.replay(failure_id))

    told = at_once(migrated_url, 4, act)
    state = desk.inspect(failure_id).failure.state
    events = machine.events(new)
    if state is FailureState.REPLAYED:
        assert told == ["done", "failure_replayed", "done", "failure_replayed"]
        assert (events.count("replayed"), events.count("discarded")) == (1, 0)
        assert machine.delivery(new).status is Status.QUEUED
    else:
        assert told == ["failure_discarded", "done", "failure_discarded", "done"]
        assert (events.count("replayed"), events.count("discarded")) == (0, 1)
        assert machine.delivery(new).status is Status.FAILED
    assert len(audited(machine)) == 1


@pytest.mark.parametrize("seed", range(RUNS))
def test_the_archive_function_never_sends_a_second_message_for_what_is_replayed(
    machine: Machine, desk: Desk, migrated_url: str, seed: int
) -> None:
    _, failure_id = fail(machine)
    dead = Received("failed.queue", machine.courier.taken[-1].body)

    def act(database: Database, place: int) -> int:
        mine = _desk(database)
        if place % 2:
            records = ArchiveStore(database=database)
            archive([dead], records=records, courier=mine.courier, clock=now, log=SilentLog())
        else:
            mine.replay(failure_id)
        return len(mine.courier.taken)

    assert sum(at_once(migrated_url, 4, act)) == 1
    assert desk.listed() == []


@pytest.mark.parametrize("seed", range(RUNS))
def test_of_a_replay_and_a_cancellation_the_cancellation_comes_after_or_finds_nothing(
    machine: Machine, migrated_url: str, seed: int
) -> None:
    new, failure_id = fail(machine)

    def act(database: Database, place: int) -> int:
        if place % 2:
            return _cancel(database, new)
        _desk(database).replay(failure_id)
        return 0

    stopped = sum(at_once(migrated_url, 4, act))
    ended = machine.delivery(new)
    assert ended.status is (Status.CANCELLED if stopped else Status.QUEUED)
    assert machine.events(new).count("cancelled") == stopped <= 1
    assert (ended.wake_at is not None) == (ended.status in OPEN)


@pytest.mark.parametrize("seed", range(RUNS))
def test_an_erased_person_is_sent_nothing_whoever_comes_first(
    machine: Machine, desk: Desk, migrated_url: str, seed: int
) -> None:
    user_id = uuid4()
    failed = [fail(machine, user_id=user_id) for _ in range(5)]

    def act(database: Database, place: int) -> list[str]:
        if place == 0:
            erasures = NotificationErasureStore(database=database)
            erasures.erase(user_id, erasures.find(user_id, limit=100))
            return []
        mine = _desk(database)
        if place == 1:
            mine.replay_many(per_second=1000)
            return []
        mixed = random.Random(seed + place).sample(failed, len(failed))  # noqa: S311  an order, not a secret
        return [_attempt(lambda each=each: mine.replay(each)) for _, each in mixed]  # type: ignore[misc]  # bound

    told = at_once(migrated_url, 4, act)
    assert {code for mine in told for code in mine} <= {"done", "failure_erased"}
    for new, failure_id in failed:
        shown = desk.inspect(failure_id)
        assert (shown.message, shown.failure.detail) == (None, "")
        was_replayed = shown.failure.state is FailureState.REPLAYED
        assert machine.delivery(new).status is (Status.CANCELLED if was_replayed else Status.FAILED)
    machine.let_pass(timedelta(hours=1))
    assert machine.relay() == []


@pytest.mark.parametrize("seed", range(RUNS))
def test_replays_of_many_at_once_share_the_work_and_nothing_is_replayed_twice(
    machine: Machine, desk: Desk, migrated_url: str, seed: int
) -> None:
    failed = _fail_many(machine)

    def act(database: Database, place: int) -> int:
        mine = _desk(database)
        if place < 2:
            return mine.replay_many(per_second=1000).replayed
        mixed = random.Random(seed + place).sample(failed, 10)  # noqa: S311  an order, not a secret
        before = len(mine.courier.taken)
        for each in mixed:
            assert mine.replay(each).status in OPEN
        return len(mine.courier.taken) - before

    assert sum(at_once(migrated_url, 4, act)) == MANY
    assert desk.listed() == []
    with machine.database.session() as connection:
        counts = connection.execute(
            "SELECT count(*), count(DISTINCT delivery_id) FROM notifications.events WHERE event = 'replayed'"
        ).fetchone()
    assert counts == (MANY, MANY)


def _fail_many(machine: Machine) -> list[UUID]:
    targets = [EmailTarget(f"person-{number}@example.org") for number in range(MANY)]
    new = machine.record(targets=targets)
    machine.provider.errors = [AddressRejected("no such mailbox") for _ in targets]
    machine.deliver(*machine.messages(new))
    with machine.database.session() as connection:
        return [row[0] for row in connection.execute("SELECT id FROM notifications.failed")]


@pytest.mark.parametrize("seed", range(RUNS))
def test_discarding_many_while_they_are_replayed_leaves_each_with_one_decision(
    machine: Machine, desk: Desk, migrated_url: str, seed: int
) -> None:
    failed = _fail_many(machine)

    def act(database: Database, place: int) -> list[str]:
        mine = _desk(database)
        if place == 0:
            mine.replay_many(per_second=1000)
            return []
        mixed = random.Random(seed).sample(failed, MANY)  # noqa: S311  an order, not a secret
        return [_attempt(lambda each=each: mine.discard(each)) for each in mixed]  # type: ignore[misc]  # bound

    told = at_once(migrated_url, 3, act)
    replayed = len(desk.listed(FailureState.REPLAYED))
    discarded = len(desk.listed(FailureState.DISCARDED))
    assert replayed + discarded == MANY
    assert [mine.count("done") for mine in told[1:]] == [discarded, discarded]
    assert len(audited(machine)) == discarded + bool(replayed)
