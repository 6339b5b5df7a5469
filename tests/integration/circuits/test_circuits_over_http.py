"""The circuits of the whole application over real servers, of which one goes away and comes back."""

import time
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

THRESHOLD = 3
AT_ONCE_S = 0.1
ADMIN = {"email": "root@example.com", "password": "correct horse battery staple"}
NAMES = ["postgresql", "rabbitmq", "email:smtp", "push:fcm"]


def logged_in() -> GatewayClient:
    """As the administrator, whose session is in Redis: a client's token is checked in PostgreSQL."""
    answer = GatewayClient(application.app).call("POST /v1/auth/login", ADMIN)
    assert answer.status == 200, answer.body
    return GatewayClient(application.app, token=answer.json["access_token"])


@dataclass
class Installation:
    """The application, with relays before its servers."""

    client: GatewayClient
    database: TcpRelay
    broker: TcpRelay
    database_url: str

    def circuits(self) -> dict[str, Json]:
        answer = self.client.call("GET /v1/circuits")
        assert answer.status == 200, answer.body
        return {one["name"]: one for one in answer.json["items"]}

    def accept(self) -> Answered:
        body = {"template_code": "welcome", "recipient": {"email": "ada@example.com"}, "variables": {"name": "Ada"}}
        return self.client.call("POST /v1/notifications", body)

    def break_postgresql(self) -> None:
        self.database.cut()
        for _ in range(THRESHOLD):
            assert self.accept().status == 503


@pytest.fixture
def installation(
    fresh_database: str, fresh_redis: str, fresh_vhost: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    with TcpRelay(fresh_database) as database, TcpRelay(fresh_vhost) as broker:
        settings = environment(database_url=database.url, redis_url=fresh_redis, rabbitmq_url=broker.url)
        circuits = {"CIRCUIT_FAILURE_THRESHOLD": str(THRESHOLD), "CIRCUIT_OPEN_S": "1000"}
        for name, value in {**settings, **circuits}.items():
            monkeypatch.setenv(name, value)
        forget_wiring()
        migration.upgrade_schemas()
        migration.establish_topology()
        migration.establish(admin=FirstAdmin(**ADMIN), client=None)
        client = logged_in()
        template = {
            "code": "welcome",
            "name": "Welcome",
            "default_locale": "en",
            "contents": [{"channel": "email", "locale": "en", "subject": "Hello {{ name }}", "html": "<p>Hello</p>"}],
        }
        assert client.call("POST /v1/templates", template).status == 201
        assert client.call("POST /v1/templates/welcome/versions/1/publish").status == 200
        yield Installation(client, database, broker, fresh_database)
        servers_of.publisher().close()
        servers_of.redis_cache().close()
        servers_of.database("users").close()
        forget_wiring()


def test_every_circuit_is_there_from_the_start(installation: Installation) -> None:
    circuits = installation.circuits()
    assert list(circuits) == NAMES
    assert circuits["postgresql"] == {
        "name": "postgresql",
        "state": "closed",
        "scope": "shared",
        "failures": 0,
        "opened_at": None,
        "retry_at": None,
        "probe_until": None,
    }


def test_with_postgresql_away_accepts_are_refused_at_once_until_a_reset(installation: Installation) -> None:
    assert installation.accept().status == 202
    installation.break_postgresql()
    began_s = time.monotonic()
    refused = [installation.accept() for _ in range(10)]
    assert (time.monotonic() - began_s) / 10 < AT_ONCE_S
    assert {(one.status, one.json["code"]) for one in refused} == {(503, "database_unavailable")}
    assert all(900 < int(one.headers["retry-after"]) <= 1000 for one in refused)
    installation.database.restore()
    assert installation.accept().status == 503
    answer = installation.client.call("POST /v1/circuits/postgresql/reset")
    assert (answer.status, answer.json["state"], answer.json["name"]) == (200, "closed", "postgresql")
    assert installation.accept().status == 202
    assert audited(installation.database_url) == [("circuit.reset", "circuit:postgresql")]


def test_an_open_circuit_is_listed_and_makes_it_unready_however_well_the_server_answers(
    installation: Installation,
) -> None:
    installation.break_postgresql()
    installation.database.restore()
    circuit = installation.circuits()["postgresql"]
    assert (circuit["state"], circuit["failures"], circuit["scope"]) == ("open", THRESHOLD, "shared")
    assert circuit["opened_at"].endswith("Z")
    assert circuit["opened_at"] < circuit["retry_at"]
    ready = installation.client.call("GET /health/ready")
    assert (ready.status, ready.json["status"], ready.json["circuits"]["postgresql"]) == (503, "unavailable", "open")
    assert ready.json["dependencies"]["postgresql"]["status"] == "up"


def test_with_rabbitmq_away_its_circuit_opens_and_accepting_goes_on(installation: Installation) -> None:
    installation.broker.stall()
    publisher = servers_of.publisher()
    for _ in range(THRESHOLD):
        publisher._rest_until_s = 0.0  # what a circuit saves is looked at here, and not what a rest does
        assert installation.accept().status == 202
    publisher._rest_until_s = 0.0
    began_s = time.monotonic()
    assert [installation.accept().status for _ in range(5)] == [202] * 5
    assert (time.monotonic() - began_s) / 5 < AT_ONCE_S
    assert installation.circuits()["rabbitmq"]["state"] == "open"
    installation.broker.flow()


def test_a_reset_with_postgresql_away_holds_and_is_no_error(installation: Installation) -> None:
    installation.break_postgresql()
    answer = installation.client.call("POST /v1/circuits/postgresql/reset")
    assert (answer.status, answer.json["state"]) == (200, "closed")


def test_what_is_no_circuit_is_404(installation: Installation) -> None:
    for name in ("email:other", "nothing", "%00", "postgresql%2F"):
        answer = installation.client.call(f"POST /v1/circuits/{name}/reset")
        assert (answer.status, answer.json["code"]) == (404, "not_found"), name


def audited(url: str) -> list[tuple[str, str]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT action, target FROM notifications.audit ORDER BY id").fetchall()
        return [(action, target) for action, target in rows if action.startswith("circuit.")]
