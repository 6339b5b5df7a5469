"""GET /v1/queues and measure_queues of the whole application over real servers, of which each goes away."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

import app as application
from chalicelib.services.establish import FirstAdmin
from chalicelib.wiring import environment as servers_of
from chalicelib.wiring import migration
from tests.configured import environment, forget_wiring
from tests.gateway_client import Answered, GatewayClient, Json
from tests.tcp_relay import TcpRelay

ADMIN = {"email": "root@example.com", "password": "correct horse battery staple"}
CANARY = {"CANARY_EMAIL": "canary@example.com", "CANARY_DEVICE_TOKEN": "canary-device"}
NEVER_OPEN = {"CIRCUIT_FAILURE_THRESHOLD": "1000"}


class AMinute:
    """As much of Lambda's context as there is to ask for."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass
class Installation:
    """The application, with relays before its servers."""

    database: TcpRelay
    broker: TcpRelay
    database_url: str
    client: GatewayClient

    def queues(self) -> Answered:
        return self.client.call("GET /v1/queues")

    def select(self, query: str) -> list[tuple[Json, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query.encode()).fetchall()


@pytest.fixture
def installation(
    fresh_database: str, fresh_redis: str, fresh_vhost: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    with TcpRelay(fresh_database) as database, TcpRelay(fresh_vhost) as broker:
        settings = environment(database_url=database.url, redis_url=fresh_redis, rabbitmq_url=broker.url)
        for name, value in {**settings, **CANARY, **NEVER_OPEN}.items():
            monkeypatch.setenv(name, value)
        forget_wiring()
        migration.upgrade_schemas()
        migration.establish_topology()
        migration.establish(admin=FirstAdmin(**ADMIN), client=None)
        token = GatewayClient(application.app).call("POST /v1/auth/login", ADMIN).json["access_token"]
        yield Installation(database, broker, fresh_database, GatewayClient(application.app, token=token))
        servers_of.publisher().close()
        servers_of.redis_cache().close()
        servers_of.database("users").close()
        forget_wiring()


def measure(capsys: pytest.CaptureFixture[str]) -> dict[str, Json]:
    """One invocation of measure_queues; the metrics that have no dimension of their own, by name."""
    capsys.readouterr()
    application.measure_queues({}, AMinute())
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert lines
    return {name: value[0] for line in lines for name, value in line.items() if isinstance(value, list)}


def test_whoever_is_away_the_other_tells_and_with_both_away_it_is_503(installation: Installation) -> None:
    shown = installation.queues().json
    assert (shown["broker"], shown["database"], len(shown["items"])) == ("up", "up", 5 + 4 * 3)
    assert shown["items"][0] == {"name": "email.queue", "depth": 0, "consumers": 0, "oldest_age_s": None}
    installation.broker.cut()
    shown = installation.queues().json
    assert (shown["broker"], shown["database"]) == ("down", "up")
    assert {(each["depth"], each["consumers"]) for each in shown["items"]} == {(None, None)}
    installation.database.cut()
    answer = installation.queues()
    assert (answer.status, answer.json["code"]) == (503, "database_unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    installation.broker.restore()
    shown = installation.queues().json
    assert (shown["broker"], shown["database"]) == ("up", "down")
    assert shown["items"][0]["depth"] == 0


def test_a_canary_flies_once_a_minute_and_its_age_is_that_of_the_last_to_arrive(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    first = measure(capsys)
    assert first["queue_depth"] >= 0
    assert 0 <= first["canary_age_s"] < 60
    assert "canary_latency_s" not in first
    measure(capsys)
    rows = installation.select("SELECT DISTINCT client_id, template_code FROM notifications.notifications")
    assert rows == [("canary", "carillon-canary")]
    ((keys, deliveries),) = installation.select(
        "SELECT (SELECT count(*) FROM notifications.idempotency_keys), (SELECT count(*) FROM notifications.deliveries)"
    )
    assert deliveries == 2 * keys  # at most one a minute, by e-mail and by push
    assert keys <= 2
    with psycopg.connect(installation.database_url) as connection:
        connection.execute("UPDATE notifications.deliveries SET status = 'sent', wake_at = NULL, updated_at = now()")
    assert measure(capsys)["canary_latency_s"] > 0


def test_a_canary_that_meets_no_server_raises_nothing(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.database.cut()
    installation.broker.cut()
    application.measure_queues({}, AMinute())
    installation.database.restore()
    installation.broker.restore()
    assert measure(capsys)["canary_age_s"] >= 0
