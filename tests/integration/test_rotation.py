"""Secrets that are rotated under functions that run: over the real servers, and a double of Secrets Manager."""

import base64
import json
import secrets
import threading
import uuid
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg import sql

import app as application
from chalicelib.domain.notification import Channel
from chalicelib.domain.principal import Scope
from chalicelib.errors import InvalidSettings, SecretUnavailable
from chalicelib.services.establish import FirstClient
from chalicelib.wiring import delivery, migration
from chalicelib.wiring.environment import database
from chalicelib.wiring.kept import forget
from offline.emulator.context import begin_context
from tests.aws_double import AwsDouble, aws_double
from tests.configured import environment, forget_wiring, signing_key
from tests.e2e.waiting import eventually
from tests.gateway_client import Answered, GatewayClient
from tests.policies import secret_arn

PATIENCE_S = 20.0
SECRET = "a secret that only the backend knows"
KEPT = ("DATABASE_URL", "REDIS_URL", "RABBITMQ_URL", "EMAIL_PROVIDERS", "JWT_PRIVATE_KEYS")
TOKEN, KEYS, ADMINS = "POST /v1/auth/token", "GET /.well-known/jwks.json", "GET /v1/clients"
IMPATIENT = {"SECRET_MAX_AGE_S": "1", "CIRCUIT_OPEN_S": "1", "RATE_LIMIT_IP": "1000000/minute"}
UNREADABLE = {"basicProperties": None, "redelivered": False, "data": base64.b64encode(b"?").decode()}


class Stage:
    """The functions, with their secrets looked at again every second; and an operator who rotates them."""

    def __init__(self, aws: AwsDouble, admin_url: str, role: str) -> None:
        self.aws = aws
        self.client = GatewayClient(application.app)
        self._admin_url = admin_url
        self._role = role

    def rotate(self, setting: str, value: str) -> None:
        self.aws.secrets[secret_arn(setting)] = value

    def told(self, setting: str) -> str:
        return self.aws.secrets[secret_arn(setting)]

    def administer(self, statement: str, *parameters: str) -> list[tuple[int]]:
        """As the administrator of PostgreSQL; {role} is the functions' user."""
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            composed = sql.SQL(statement).format(*map(sql.Literal, parameters), role=sql.Identifier(self._role))
            cursor = connection.execute(composed)
            return cursor.fetchall() if cursor.description else []

    def url(self, password: str) -> str:
        address = urlsplit(self._admin_url)
        return f"postgresql://{self._role}:{quote(password)}@{address.hostname}:{address.port}{address.path}"

    @property
    def connections(self) -> int:
        [(count,)] = self.administer(
            "SELECT count(*)::int FROM pg_stat_activity WHERE application_name = 'carillon' AND usename = {}",
            self._role,
        )
        return count

    def hang_up(self) -> None:
        """PostgreSQL ends every session of the functions."""
        self.administer("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = {}", self._role)

    def issue(self) -> str:
        answer = self.client.call(TOKEN, {"client_id": "billing", "client_secret": SECRET})
        assert answer.status == 200, answer.body
        return str(answer.json["access_token"])

    def reach(self, token: str) -> Answered:
        return self.client.call(ADMINS, headers={"Authorization": f"Bearer {token}"})

    def until(self, holds: Callable[[], bool]) -> None:
        """Go on when this holds: calling the functions is what makes them look."""
        eventually(holds, within_s=PATIENCE_S, otherwise=lambda: self.aws.asked)

    def key_ids(self) -> list[str]:
        return [key["kid"] for key in self.client.call(KEYS).json["keys"]]

    def archive(self) -> None:
        context = begin_context(function_name="archive_failed", aws_request_id=str(uuid.uuid4()), timeout_s=9)
        application.archive_failed({"rmqMessagesByQueue": {"failed.queue::/": [UNREADABLE]}}, context)


@pytest.fixture
def stage(fresh_database: str, fresh_redis: str, fresh_vhost: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    settings = {**environment(database_url=fresh_database, redis_url=fresh_redis, rabbitmq_url=fresh_vhost)}
    with aws_double() as aws:
        stage = Stage(aws, fresh_database, f"role_{secrets.token_hex(4)}")
        stage.administer("CREATE ROLE {role} SUPERUSER LOGIN PASSWORD 'first'")
        settings["DATABASE_URL"] = stage.url("first")
        aws.secrets = {secret_arn(name): settings[name] for name in KEPT}
        settings |= {name: secret_arn(name) for name in KEPT}
        for name, value in aws.environment(**settings, **IMPATIENT).items():
            monkeypatch.setenv(name, value)
        forget_wiring()
        migration.upgrade_schemas()
        migration.establish_topology()
        migration.establish(admin=None, client=FirstClient("billing", "Billing", frozenset({Scope.ADMIN}), SECRET))
        yield stage
        forget_wiring()
        stage.administer("REASSIGN OWNED BY {role} TO CURRENT_USER")
        stage.administer("DROP ROLE {role}")


def test_a_new_signing_key_is_taken_up_without_a_deploy_and_logs_nobody_out(stage: Stage) -> None:
    token = stage.issue()
    former = json.loads(stage.told("JWT_PRIVATE_KEYS"))
    stage.rotate("JWT_PRIVATE_KEYS", json.dumps({"second": signing_key(), **former}))
    stage.until(lambda: stage.key_ids() == ["second", "first"])
    assert stage.reach(token).status == 200
    renewed = stage.issue()
    newest = json.loads(stage.told("JWT_PRIVATE_KEYS"))
    stage.rotate("JWT_PRIVATE_KEYS", json.dumps({"second": newest["second"]}))
    stage.until(lambda: stage.key_ids() == ["second"])
    assert (stage.reach(renewed).status, stage.reach(token).status) == (200, 401)


def test_a_key_ring_that_cannot_be_used_changes_nothing(stage: Stage) -> None:
    token = stage.issue()
    stage.rotate("JWT_PRIVATE_KEYS", '{"second": "-----BEGIN PRIVATE KEY-----"}')
    seen = len(stage.aws.asked)
    stage.until(lambda: stage.reach(token).status == 200 and len(stage.aws.asked) > seen)
    assert (stage.key_ids(), stage.reach(token).status) == (["first"], 200)


def test_a_database_password_that_was_rotated_is_taken_up_by_who_is_refused_and_not_at_the_next_look(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_MAX_AGE_S", "3600")
    forget()
    token = stage.issue()
    stage.administer("ALTER ROLE {role} PASSWORD 'second'")
    stage.rotate("DATABASE_URL", stage.url("second"))
    assert stage.reach(token).status == 200, "the connection that stands goes on"
    stage.hang_up()
    stage.until(lambda: stage.reach(token).status == 200)


def test_what_was_built_of_a_former_secret_is_closed(stage: Stage) -> None:
    stage.reach(stage.issue())
    assert stage.connections == 1
    stage.administer("ALTER ROLE {role} PASSWORD 'second'")
    stage.rotate("DATABASE_URL", stage.url("second"))
    seen = len(stage.aws.asked)
    stage.until(lambda: stage.reach(stage.issue()).status == 200 and len(stage.aws.asked) > seen)
    stage.until(lambda: stage.connections == 1)  # a server's process takes a moment to end


def test_while_secrets_manager_is_away_who_has_read_goes_on(stage: Stage) -> None:
    token = stage.issue()
    stage.aws.away = True
    stage.hang_up()
    assert stage.reach(token).status == 200
    stage.archive()


def test_a_cold_start_without_secrets_manager_says_when_to_come_again_and_gives_a_batch_back(stage: Stage) -> None:
    forget_wiring()
    stage.aws.away = True
    answer = stage.client.call(TOKEN, {"client_id": "billing", "client_secret": SECRET})
    assert (answer.status, answer.json["code"]) == (503, "secret_unavailable")
    assert int(answer.headers["retry-after"]) > 0
    with pytest.raises(SecretUnavailable):
        stage.archive()


def test_a_cold_start_with_a_secret_against_its_rule_names_the_setting_to_us_alone(stage: Stage) -> None:
    forget_wiring()
    stage.rotate("REDIS_URL", "hunter2")
    answer = stage.client.call(TOKEN, {"client_id": "billing", "client_secret": SECRET})
    assert answer.status == 500
    assert b"REDIS" not in answer.body
    with pytest.raises(InvalidSettings, match="REDIS_URL") as refused:
        stage.archive()
    assert "hunter2" not in str(refused.value)


def test_another_provider_is_taken_up_without_a_deploy(stage: Stage) -> None:
    def provider_names() -> list[str]:
        answer = stage.client.call("GET /v1/circuits", headers={"Authorization": f"Bearer {stage.issue()}"})
        return [circuit["name"] for circuit in answer.json["items"]]

    assert "email:smtp" in provider_names()
    stage.rotate("EMAIL_PROVIDERS", "ses://eu-west-1?name=second")
    stage.until(lambda: "email:second" in provider_names())
    assert "email:smtp" not in provider_names()


def test_a_send_that_is_under_way_ends_on_its_old_threads(stage: Stage) -> None:
    former = delivery.sending_pool(Channel.EMAIL)
    may_end = threading.Event()
    sends = [former.submit(may_end.wait, 10) for _ in range(2)]
    former_database = database("users")
    forget()
    may_end.set()
    assert [send.result(10) for send in sends] == [True, True]
    assert delivery.sending_pool(Channel.EMAIL) is not former
    assert database("users") is not former_database
