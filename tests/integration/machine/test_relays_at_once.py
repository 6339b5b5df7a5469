"""Several relays over one PostgreSQL: each open row is published exactly once a turn, whatever state it is in."""

from collections import Counter
from datetime import timedelta
from threading import Barrier, Thread

from chalicelib.domain.circuit import Circuit, Move
from chalicelib.domain.messages import decode_message
from chalicelib.domain.notification import Channel
from chalicelib.domain.recipient import EmailTarget
from chalicelib.services.breaker import CircuitScope
from chalicelib.services.relay import relay
from chalicelib.services.release import Release, Way
from chalicelib.stores.left_alone import LeftAloneStore
from chalicelib.stores.outbox import OutboxStore
from chalicelib.stores.postgres import Database
from tests.machine import Machine, RememberingCourier, SilentLog, now

RELAYS = 4
ROWS = 2_000

# Each row is in one of the states in which relay may find it, all of them its duty now.
SPREAD_OVER_STATES = """
    UPDATE notifications.deliveries d
    SET status = s.status, reason = s.reason, wake_at = now() + s.wakes_in,
        published_at = CASE WHEN s.is_published THEN now() - interval '2 minutes' END
    FROM (SELECT id, row_number() OVER (ORDER BY id) % 8 AS place FROM notifications.deliveries) AS n
    JOIN (VALUES
        (0, 'accepted', NULL, interval '-1 second', false),
        (1, 'scheduled', NULL, interval '-1 hour', false),
        (2, 'retrying', 'provider_unavailable', interval '-1 second', true),
        (3, 'deferred', 'circuit_open', interval '-1 second', true),
        (4, 'deferred', 'circuit_open', interval '5 minutes', true),
        (5, 'sending', NULL, interval '-1 second', true),
        (6, 'queued', NULL, interval '-1 second', true),
        (7, 'queued', NULL, interval '-1 second', false)
    ) AS s (place, status, reason, wakes_in, is_published) ON s.place = n.place
    WHERE d.id = n.id
"""


class ClosedCircuits:
    """Of providers that nothing was ever wrong with."""

    def inspect(self, name: str) -> tuple[Move, CircuitScope]:
        return Move(Circuit(), now().timestamp()), CircuitScope.SHARED


def run_relay(url: str, courier: RememberingCourier, ready: Barrier) -> None:
    database = Database(url)
    left_alone = LeftAloneStore(database=database)
    with database.session() as connection:
        connection.execute("SELECT 1")
    ready.wait()
    relay(
        outbox=OutboxStore(database=database),
        courier=courier,
        gauge=courier,
        clock=now,
        remaining_s=lambda: 10.0,
        pause=lambda _: None,
        log=SilentLog(),
        release=Release(left_alone, ClosedCircuits(), {Channel.EMAIL: [Way("email:main")]}),
    )
    database.close()


def run_relays(url: str) -> list[RememberingCourier]:
    ready, couriers = Barrier(RELAYS), [RememberingCourier() for _ in range(RELAYS)]
    threads = [Thread(target=run_relay, args=(url, courier, ready)) for courier in couriers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return couriers


def test_each_row_is_published_exactly_once_a_turn(machine: Machine, migrated_url: str) -> None:
    machine.record(targets=[EmailTarget(f"person-{number}@example.org") for number in range(ROWS)])
    for _turn in range(2):
        with machine.database.session() as connection:
            connection.execute(SPREAD_OVER_STATES)
        published = Counter(
            decode_message(dispatch.body).delivery_id
            for courier in run_relays(migrated_url)
            for dispatch in courier.taken
        )
        assert len(published) == ROWS
        assert set(published.values()) == {1}
        with machine.database.session() as connection:
            told = connection.execute(
                "SELECT status, wake_at > now() + interval '50 seconds', published_at IS NOT NULL, count(*) "
                "FROM notifications.deliveries GROUP BY 1, 2, 3"
            ).fetchall()
        assert told == [("queued", True, True, ROWS)]
    machine.let_pass(timedelta(seconds=40))
    assert machine.relay() == []
