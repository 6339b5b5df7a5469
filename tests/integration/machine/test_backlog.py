"""What waits in PostgreSQL, and the canary's way through the real stores."""

from datetime import timedelta
from typing import LiteralString

from chalicelib.domain.backlog import CanarySighting
from chalicelib.domain.notification import OPEN, Status
from chalicelib.domain.recipient import EmailTarget
from chalicelib.stores.backlog import COUNTED_AT_MOST, OLDEST_QUEUED, OVERDUE, BacklogStore
from chalicelib.stores.backlog import OPEN as COUNT_OPEN
from chalicelib.stores.canaries import CanaryStore
from chalicelib.stores.postgres import Database
from tests.machine import Machine, now

LANES = ("email", "push", "email.bulk", "push.bulk")


def test_the_oldest_queued_row_of_each_lane_tells_how_long_it_waits(machine: Machine, database: Database) -> None:
    backlog = BacklogStore(database=database)
    assert backlog.find_oldest_queued(LANES) == {}
    machine.record()
    machine.let_pass(timedelta(seconds=10))
    machine.relay()
    machine.courier.ready["email"] = 1  # it is still there: nothing is published again
    machine.let_pass(timedelta(seconds=100))
    machine.record()
    machine.let_pass(timedelta(seconds=10))
    machine.relay()
    (age_s,) = backlog.find_oldest_queued(LANES).values()
    assert 110 <= age_s < 130
    assert backlog.find_oldest_queued(["push"]) == {}


def test_what_a_worker_holds_waits_no_more(machine: Machine, database: Database) -> None:
    backlog = BacklogStore(database=database)
    new = machine.record()
    machine.let_pass(timedelta(seconds=10))
    (message,) = machine.relay()
    machine.claims.claim([message], lease_s=60)
    assert backlog.find_oldest_queued(LANES) == {}
    assert backlog.count_open(OPEN) == {state: int(state is Status.SENDING) for state in OPEN}
    assert machine.delivery(new).status is Status.SENDING


def test_open_rows_are_counted_by_state_and_ended_ones_are_not(machine: Machine, database: Database) -> None:
    backlog = BacklogStore(database=database)
    machine.deliver(machine.message(machine.record()))
    machine.record()
    machine.record(send_at=now() + timedelta(hours=1))
    machine.record(send_at=now() + timedelta(hours=1))
    expected = dict.fromkeys(OPEN, 0) | {Status.ACCEPTED: 1, Status.SCHEDULED: 2}
    assert backlog.count_open(OPEN) == expected


def test_a_row_is_overdue_when_nobody_came_for_a_minute(machine: Machine, database: Database) -> None:
    backlog = BacklogStore(database=database)
    machine.record()
    machine.let_pass(timedelta(seconds=50))
    assert backlog.count_overdue() == 0
    machine.let_pass(timedelta(seconds=30))
    assert backlog.count_overdue() == 1
    machine.relay()
    assert backlog.count_overdue() == 0


def test_a_row_of_a_month_without_partition_is_counted(machine: Machine, database: Database) -> None:
    backlog = BacklogStore(database=database)
    machine.record()
    assert backlog.count_misplaced() == 0
    with database.session() as connection:
        connection.execute(
            "INSERT INTO notifications.deliveries (id, notification_id, channel, lane, locale, target, status) "
            "SELECT notifications.month_key(now() - interval '5 years'), notification_id, channel, lane, locale, "
            "target, 'sent' FROM notifications.deliveries"
        )
    assert backlog.count_misplaced() == 1


def test_counting_reads_indexes_alone(database: Database) -> None:
    """Whatever the tables hold, and however stale their statistics are: a million rows were measured (0051)."""
    statements: dict[LiteralString, dict[str, object]] = {
        OLDEST_QUEUED: {"lanes": list(LANES)},
        COUNT_OPEN: {"states": ["queued", "deferred"], "most": COUNTED_AT_MOST},
        OVERDUE: {"overdue_s": 60, "most": COUNTED_AT_MOST},
    }
    with database.session() as connection, connection.transaction():
        connection.execute("SET LOCAL enable_seqscan = off")
        for statement, parameters in statements.items():
            plan = "\n".join(row[0] for row in connection.execute("EXPLAIN (COSTS OFF) " + statement, parameters))
            assert "Seq Scan" not in plan, plan
            assert "Index Cond" in plan, plan


def test_the_newest_canary_that_was_sent_is_the_one_that_is_told_of(machine: Machine, database: Database) -> None:
    canaries = CanaryStore(database=database)
    assert canaries.find_newest_sent("welcome", client_id="client") is None
    machine.record()
    never = canaries.find_newest_sent("welcome", client_id="client")
    assert never is not None
    assert (never.latency_s, 0 <= never.age_s < 20) == (None, True)
    machine.deliver(machine.message(machine.record()))
    machine.record()
    seen = canaries.find_newest_sent("welcome", client_id="client")
    assert seen is not None
    assert seen.latency_s is not None
    assert 0 < seen.latency_s < seen.age_s < 20
    assert canaries.find_newest_sent("another", client_id="client") is None
    assert canaries.find_newest_sent("welcome", client_id="another") is None


def test_a_canary_of_which_one_channel_fails_was_not_sent(machine: Machine, database: Database) -> None:
    canaries = CanaryStore(database=database)
    new = machine.record(targets=(EmailTarget("a@example.org", None), EmailTarget("b@example.org", None)))
    machine.deliver(machine.message(new, of=0))
    assert isinstance(seen := canaries.find_newest_sent("welcome", client_id="client"), CanarySighting)
    assert seen.latency_s is None
    machine.deliver(machine.message(new, of=1))
    assert isinstance(seen := canaries.find_newest_sent("welcome", client_id="client"), CanarySighting)
    assert seen.latency_s is not None
