"""The audit trail over three stores: one list, newest first, through the application and real servers."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import psycopg
import pytest
from chalice.app import Chalice

import app as application
from chalicelib.domain.audit import Actor, new_audit
from chalicelib.domain.identity import first_key_at, moment_of, new_id
from chalicelib.domain.principal import Scope
from chalicelib.domain.rate import Rate
from chalicelib.handlers.guards import Guards, standing_in
from chalicelib.services.limit_rate import RateLimiter
from chalicelib.stores.audit import write_audit
from chalicelib.stores.rate_counters import ProcessRateCounters
from chalicelib.wiring import auth, migration
from chalicelib.wiring import environment as servers_of
from tests.configured import environment, forget_wiring
from tests.gateway_client import GatewayClient, Json
from tests.requests_of_a_backend import with_scopes

STORES = ("users", "templates", "notifications")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def app(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chalice]:
    for name, value in environment(database_url=fresh_database).items():
        monkeypatch.setenv(name, value)
    forget_wiring()
    migration.upgrade_schemas()
    rate = Rate(amount=1_000_000, window_s=60)
    limiter = RateLimiter(counters=ProcessRateCounters(), per_client=rate, per_address=rate)
    with standing_in(Guards(verifier=auth.access_tokens(), limiter=limiter)):
        yield application.app
    servers_of.database("users").close()
    forget_wiring()


@pytest.fixture
def client(app: Chalice) -> GatewayClient:
    return with_scopes(app, Scope.ADMIN)


def written(url: str, count: int) -> list[str]:
    """Entries a second apart, taking turns over the stores; their targets, newest first."""
    with psycopg.connect(url) as connection:
        for number in range(count):
            write_audit(
                connection,
                STORES[number % 3],
                new_audit(
                    Actor(f"client:{number % 2}", "correlated"),
                    f"{STORES[number % 3]}.changed",
                    f"thing:{number}",
                    at=NOON + timedelta(seconds=number),
                    number=number,
                ),
            )
    return [f"thing:{number}" for number in reversed(range(count))]


def targets(client: GatewayClient, query: str = "") -> list[str]:
    """The targets on all pages."""
    found, cursor = [], ""
    while True:
        answer = client.call(f"GET /v1/audit?{query}{cursor and f'&cursor={quote(cursor)}'}")
        assert answer.status == 200, answer.body
        found += [entry["target"] for entry in answer.json["items"]]
        cursor = answer.json["next_cursor"]
        if cursor is None:
            return found


def test_pages_of_any_size_show_all_stores_as_one_list_newest_first(client: GatewayClient, fresh_database: str) -> None:
    assert targets(client) == []
    expected = written(fresh_database, 30)
    for limit in (1, 2, 3, 7, 30, 31):
        assert targets(client, f"limit={limit}") == expected


def test_what_happens_between_two_pages_moves_nothing(client: GatewayClient, fresh_database: str) -> None:
    expected = written(fresh_database, 9)
    first = client.call("GET /v1/audit?limit=4").json
    with psycopg.connect(fresh_database) as connection:
        write_audit(connection, "users", new_audit(Actor("client:0", "x"), "a.b", "late", at=datetime.now(UTC)))
    second = client.call(f"GET /v1/audit?limit=4&cursor={first['next_cursor']}").json
    assert [entry["target"] for entry in first["items"] + second["items"]] == expected[:8]


def test_an_entry_says_who_what_when_and_in_which_request(client: GatewayClient, fresh_database: str) -> None:
    written(fresh_database, 1)
    (entry,) = client.call("GET /v1/audit").json["items"]
    assert entry.pop("id")
    assert entry == {
        "at": "2026-11-22T12:00:00Z",
        "actor": "client:0",
        "action": "users.changed",
        "target": "thing:0",
        "correlation_id": "correlated",
        "detail": {"number": 0},
    }


FILTERS = {
    "actor=client:1": [7, 5, 3, 1],
    "action=templates.changed": [7, 4, 1],
    "actor=client:0&action=users.changed": [6, 0],
    "from=2026-11-22T12:00:05Z": [8, 7, 6, 5],
    "from=2026-11-22T12:00:04.0001Z": [8, 7, 6, 5],
    "to=2026-11-22T12:00:02Z": [1, 0],
    "to=2026-11-22T12:00:02.0001Z": [2, 1, 0],
    "from=2026-11-22T14:00:03%2B02:00&to=2026-11-22T12:00:05Z": [4, 3],
    "from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z": [8, 7, 6, 5, 4, 3, 2, 1, 0],
    "from=2026-11-22T12:00:05Z&to=2026-11-22T12:00:05Z": [],
    "from=2026-11-23T00:00:00Z&to=2026-11-22T00:00:00Z": [],
    "actor=nobody": [],
}
NO_FILTERS = (
    "from=yesterday",
    "from=2026-11-22T12:00:00",
    "to=1",
    "action=Template",
    "actor=",
    "actor=%00",
    "since=x",
    "limit=0",
)


def test_filters_narrow_the_list(client: GatewayClient, fresh_database: str) -> None:
    written(fresh_database, 9)
    for query, numbers in FILTERS.items():
        assert targets(client, f"limit=2&{query}") == [f"thing:{number}" for number in numbers], query


def test_a_filter_that_is_none_is_422(client: GatewayClient) -> None:
    for query in NO_FILTERS:
        answer = client.call(f"GET /v1/audit?{query}")
        assert answer.status == 422, answer.body
        assert answer.pointers == {query.partition("=")[0]}


def test_a_cursor_of_other_filters_is_422(client: GatewayClient, fresh_database: str) -> None:
    written(fresh_database, 9)
    cursor = client.call("GET /v1/audit?limit=1").json["next_cursor"]
    assert client.call(f"GET /v1/audit?actor=client:0&cursor={cursor}").status == 422


def test_only_the_administrator_reads_it(app: Chalice) -> None:
    everything_else = frozenset(Scope) - {Scope.ADMIN}
    assert with_scopes(app, *everything_else).call("GET /v1/audit").status == 403


def test_the_pages_of_a_long_trail_are_read_by_its_index(client: GatewayClient, fresh_database: str) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO users.audit (id, actor, action, target, correlation_id, detail)"
            " SELECT md5(n::text)::uuid, 'client:' || n % 50, 'a.b', 'thing', 'x', '{}'"
            " FROM generate_series(1, 20000) n"
        )
        connection.execute("ANALYZE users.audit")
        for narrowed in ("true", "actor = 'client:7'"):
            plan: Json = connection.execute(
                "EXPLAIN (FORMAT json) SELECT id FROM users.audit"
                f" WHERE id < 'ffffffff-ffff-ffff-ffff-ffffffffffff' AND {narrowed} ORDER BY id DESC LIMIT 51"
            ).fetchall()
            assert "Seq Scan" not in str(plan)
            assert "'Sort'" not in str(plan)


def test_identifiers_and_moments_tell_the_same_time() -> None:
    for _ in range(200):
        moment = NOON + timedelta(microseconds=secrets.randbelow(10**9))
        whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        made = new_id(whole)
        assert moment_of(made) == whole
        assert first_key_at(whole) <= made
        assert (first_key_at(moment) <= made) == (whole >= moment)
