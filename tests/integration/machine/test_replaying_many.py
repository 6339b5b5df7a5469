"""Replaying many at a chosen rate: the oldest first, in chunks, and never the same twice."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import cast
from uuid import UUID

import pytest

from chalicelib.domain.audit import Actor, NewAudit
from chalicelib.domain.content import EmailContent
from chalicelib.domain.failure import FailureFilter, FailureReason, FailureState, Replay, Replayable
from chalicelib.domain.notification import Channel, Status
from chalicelib.domain.recipient import EmailTarget
from chalicelib.errors import AddressRejected, DatabaseUnavailable
from chalicelib.services import replay_many
from tests.failures import Desk, audited, fail, last_message, let_expire, published, wake_times
from tests.fakes_core import Died, Faulty
from tests.machine import CONTENT, Machine, now

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def desk(machine: Machine) -> Desk:
    desk = Desk(machine.database, published(), courier=machine.courier)
    machine.compiled = desk.compiled
    return desk


def fail_many(machine: Machine, count: int) -> list[UUID]:
    """The failed deliveries of one notification."""
    targets = [EmailTarget(f"person-{number}@example.org") for number in range(count)]
    new = machine.record(targets=targets)
    machine.provider.errors = [AddressRejected("no such mailbox") for _ in targets]
    machine.deliver(*machine.messages(new))
    return [delivery.delivery_id for delivery in new.deliveries]


def fail_thousands(machine: Machine, count: int) -> None:
    """As many deliveries that failed, an hour ago and a millisecond apart, each of its own notification."""
    new, _ = fail(machine)
    with machine.database.session() as connection:
        connection.execute(
            """
            WITH fresh AS (
                SELECT g, notifications.sibling(%(id)s) AS n, notifications.sibling(%(id)s) AS d
                FROM generate_series(1, %(count)s) AS g
            ), headed AS (
                INSERT INTO notifications.notifications (id, client_id, recipient, template_code, template_version,
                    priority, locale, variables, metadata, correlation_id)
                SELECT f.n, client_id, recipient, template_code, template_version, priority, locale, variables,
                       metadata, correlation_id
                FROM notifications.notifications o, fresh f WHERE o.id = %(id)s
            ), delivered AS (
                INSERT INTO notifications.deliveries (id, notification_id, channel, lane, locale, target, status)
                SELECT f.d, f.n, channel, lane, locale, target, status
                FROM notifications.deliveries o, fresh f WHERE o.notification_id = %(id)s
            )
            INSERT INTO notifications.failed (id, source_key, delivery_id, notification_id, channel, template_code,
                queue, reason, detail, created_at)
            SELECT notifications.sibling(f.n), f.d || ':2', f.d, f.n, channel, template_code, queue, reason, detail,
                   o.created_at - interval '1 hour' + make_interval(secs => f.g / 1000.0)
            FROM notifications.failed o, fresh f WHERE o.notification_id = %(id)s
            """,
            {"id": new.notification_id, "count": count},
        )


def replayed_first(machine: Machine) -> list[UUID]:
    """The scheduled deliveries, the first due first."""
    with machine.database.session() as connection:
        rows = connection.execute(
            "SELECT id FROM notifications.deliveries WHERE status = 'scheduled' ORDER BY wake_at"
        ).fetchall()
    return [row[0] for row in rows]


def test_they_are_due_one_after_the_other_at_the_rate_that_was_chosen(machine: Machine, desk: Desk) -> None:
    fail_many(machine, 30)
    replayed = desk.replay_many(per_second=10)
    assert (replayed.matched, replayed.replayed) == (30, 30)
    times = wake_times(machine)
    assert {later - earlier for earlier, later in pairwise(times)} == {timedelta(seconds=0.1)}


def test_relay_brings_what_is_due_and_it_is_sent(machine: Machine, desk: Desk) -> None:
    fail_many(machine, 3)
    desk.replay_many(per_second=1)
    machine.provider.errors = []
    machine.let_pass(timedelta(milliseconds=500))
    assert len(machine.relay()) == 1
    machine.let_pass(timedelta(seconds=3))
    machine.deliver(*machine.relay())
    assert len(machine.provider.sent) == 2


def test_the_oldest_come_first(machine: Machine, desk: Desk) -> None:
    failed = [fail(machine)[0].deliveries[0].delivery_id for _ in range(4)]
    replayed = desk.replay_many(limit=3)
    assert (replayed.matched, replayed.replayed) == (4, 3)
    assert replayed_first(machine) == failed[:3]


def test_asking_again_goes_on_where_it_stopped(machine: Machine, desk: Desk) -> None:
    fail_many(machine, 5)
    counts = [desk.replay_many(limit=2) for _ in range(4)]
    assert [(each.matched, each.replayed) for each in counts] == [(5, 2), (3, 2), (1, 1), (0, 0)]


@pytest.mark.parametrize(
    "wanted",
    [
        FailureFilter(channel=Channel.PUSH),
        FailureFilter(reason=FailureReason.RENDER_FAILED),
        FailureFilter(template_code="other"),
        FailureFilter(since=now() + timedelta(days=1)),
        FailureFilter(until=LONG_AGO),
    ],
    ids=["channel", "reason", "template", "from", "to"],
)
def test_the_filter_holds(machine: Machine, desk: Desk, wanted: FailureFilter) -> None:
    fail_many(machine, 2)
    replayed = desk.replay_many(wanted)
    assert (replayed.matched, replayed.replayed) == (0, 0)


def test_what_the_filter_names_is_replayed(machine: Machine, desk: Desk) -> None:
    fail_many(machine, 2)
    wanted = FailureFilter(
        channel=Channel.EMAIL,
        reason=FailureReason.ADDRESS_REJECTED,
        template_code="welcome",
        since=LONG_AGO,
        until=now() + timedelta(days=1),
    )
    assert desk.replay_many(wanted).replayed == 2


def test_what_cannot_be_replayed_is_matched_and_passed_over(machine: Machine, desk: Desk) -> None:
    expired, _ = fail(machine)
    let_expire(machine, expired)
    machine.deliver(b"no JSON")
    discarded = fail(machine)[1]
    desk.discard(discarded)
    fail(machine)
    replayed = desk.replay_many()
    assert (replayed.matched, replayed.replayed) == (2, 1)
    assert machine.delivery(expired).status is Status.FAILED


def test_the_limit_is_of_those_replayed_however_many_are_passed_over(machine: Machine, desk: Desk) -> None:
    for _ in range(3):
        let_expire(machine, fail(machine)[0])
    fail_many(machine, 3)
    assert desk.replay_many(limit=2).replayed == 2


def test_with_the_current_template_those_that_lack_its_variables_stay(machine: Machine, desk: Desk) -> None:
    fail_many(machine, 2)
    desk.templates = published(CONTENT, EmailContent(locale="en", subject="{{ order }}", html="-"))
    replayed = desk.replay_many(use_current_template=True)
    assert (replayed.matched, replayed.replayed) == (2, 0)
    desk.templates = published(CONTENT, EmailContent(locale="en", subject="Better, {{ name }}", html="-"))
    assert desk.replay_many(use_current_template=True).replayed == 2
    machine.compiled = desk.compiled
    machine.let_pass(timedelta(seconds=5))
    machine.provider.errors = []
    machine.deliver(*machine.relay())
    assert all("Better, Ada" in str(sent.content) for sent in machine.provider.sent)


def test_nothing_waits_beyond_the_time_at_which_it_would_be_in_vain(machine: Machine, desk: Desk) -> None:
    for _ in range(2):
        new, _ = fail(machine, expires_at=now() + timedelta(seconds=5))
    desk.replay_many(per_second=1)
    with machine.database.session() as connection:
        connection.execute("UPDATE notifications.notifications SET expires_at = now() + interval '0.1 second'")
    machine.let_pass(timedelta(seconds=10))
    machine.relay()
    assert new is not None
    assert all(each <= now() + timedelta(seconds=5) for each in wake_times(machine))


class Interrupted:
    """The process dies before or after its second chunk."""

    def __init__(self, desk: Desk, *, effect: bool) -> None:
        self._stores, self._faulty = desk.replays, Faulty(desk.replays, "replay", Died(), effect=effect)
        self.calls = 0

    def replay(self, *args: object, **kwargs: object) -> Sequence[object]:
        self.calls += 1
        replay = self._stores.replay if self.calls == 1 else self._faulty.replay
        return cast(Sequence[object], replay(*args, **kwargs))  # type: ignore[arg-type]  # as they were given


class Listener:
    """The real replays, and after how long each was to be due."""

    def __init__(self, desk: Desk) -> None:
        self._stores = desk.replays
        self.delays_s: list[float | None] = []

    def replay(self, wanted: Sequence[Replay], *, by: Actor, audit: NewAudit) -> Sequence[Replayable]:
        self.delays_s += [each.delay_s for each in wanted]
        return self._stores.replay(wanted, by=by, audit=audit)


@pytest.mark.parametrize(("effect", "left"), [(False, 700), (True, 200)])
def test_who_dies_between_two_chunks_loses_nothing_and_the_next_goes_on(
    machine: Machine, desk: Desk, effect: bool, left: int
) -> None:
    fail_thousands(machine, 1199)
    stores = desk.replays
    desk.replays = Interrupted(desk, effect=effect)  # type: ignore[assignment]  # of the same shape
    with pytest.raises(Died):
        desk.replay_many(per_second=1000)
    desk.replays = stores
    replayed = desk.replay_many(per_second=1000)
    assert (replayed.matched, replayed.replayed) == (left, left)
    assert desk.listed() == []
    assert len(desk.listed(FailureState.REPLAYED)) == 200
    assert len(wake_times(machine)) == 1200


def test_a_database_that_goes_away_between_two_chunks_has_undone_only_the_last(machine: Machine, desk: Desk) -> None:
    fail_thousands(machine, 600)
    stores = desk.replays
    desk.replays = Faulty(stores, "replay", DatabaseUnavailable("gone"), effect=False)  # type: ignore[assignment]
    with pytest.raises(DatabaseUnavailable):
        desk.replay_many()
    desk.replays = stores
    assert desk.replay_many().replayed == 601


def test_no_chunk_begins_when_the_time_is_over(machine: Machine, desk: Desk) -> None:
    fail_thousands(machine, 1000)
    ticks = iter([0.0, 0.0, replay_many.LONGEST_S + 1])
    desk.monotonic_s = lambda: next(ticks)
    replayed = desk.replay_many()
    assert (replayed.matched, replayed.replayed) == (1001, replay_many.CHUNK)


def test_the_rate_holds_from_chunk_to_chunk_however_long_each_takes(machine: Machine, desk: Desk) -> None:
    fail_thousands(machine, 599)
    ticks = iter([0.0, 0.0, 0.2])
    desk.monotonic_s = lambda: next(ticks)
    desk.replays = listener = Listener(desk)  # type: ignore[assignment]  # of the same shape
    desk.replay_many(per_second=500)
    planned = [place / 500 - (0.0 if place < replay_many.CHUNK else 0.2) for place in range(600)]
    assert listener.delays_s == pytest.approx(planned)


def test_without_redis_many_are_replayed_all_the_same(machine: Machine, desk: Desk) -> None:
    fail_many(machine, 2)
    desk.progress.up = False
    assert desk.replay_many().replayed == 2


def test_each_chunk_is_written_down_once_under_the_name_of_its_run(machine: Machine, desk: Desk) -> None:
    fail_thousands(machine, 600)
    desk.replay_many()
    desk.replay_many()
    told = audited(machine)
    assert [(actor, action) for actor, action, _ in told] == [("client:operator", "replay.scheduled")] * 2
    assert len({target for _, _, target in told}) == 1


def test_what_is_scheduled_can_be_cancelled(machine: Machine, desk: Desk) -> None:
    new, _ = fail(machine)
    desk.replay_many()
    assert machine.cancel(new) == 1
    machine.let_pass(timedelta(minutes=1))
    assert machine.relay() == []


def test_a_single_replay_of_what_is_scheduled_changes_nothing(machine: Machine, desk: Desk) -> None:
    _, failure_id = fail(machine)
    desk.replay_many()
    taken = len(machine.courier.taken)
    assert desk.replay(failure_id).status is Status.SCHEDULED
    assert len(machine.courier.taken) == taken
    assert last_message(machine.courier).ticket == 2
