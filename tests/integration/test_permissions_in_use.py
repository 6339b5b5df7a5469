"""Every function, run over the real servers with its secrets in Secrets Manager, under its own policy.

AWS is a double that denies what the policy does not allow, and keeps what it was asked.
"""

import base64
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pika
import psycopg
import pytest

import app as application
from chalicelib.broker.topology import queue_of
from chalicelib.domain.databases import SETTINGS, STORES
from chalicelib.domain.messages import FAILED
from chalicelib.domain.principal import Scope
from chalicelib.domain.secret_rules import RULES
from chalicelib.errors import InvalidSettings
from infra.functions import ALL, CONSUMERS
from offline.emulator.context import begin_context
from tests.aws_double import AwsDouble, AwsRequest, aws_double
from tests.configured import NOBODY_LISTENS, environment, forget_wiring
from tests.gateway_client import GatewayClient, Json
from tests.integration.conftest import empty_database, empty_vhost
from tests.policies import ACCOUNT, Policy, secret_arn
from tests.requests_of_a_backend import TEMPLATE
from tests.service_account import service_account_json

SECRET = "a secret that only the backend knows"
CREDENTIALS = {"client_id": "billing", "client_secret": SECRET}
READ = "secretsmanager:GetSecretValue"
SEND = AwsRequest("ses:SendRawEmail", f"arn:aws:ses:eu-west-1:{ACCOUNT}:identity/example.com")
NAMES = {secret_arn(setting.upper()): setting.upper() for setting in RULES}


@dataclass
class Installation:
    """The functions of one stage, each in a fresh environment of its own when it is called."""

    aws: AwsDouble
    broker_url: str
    policies: dict[str, Policy] = field(default_factory=dict)

    def under_policy(self, function: str) -> None:
        """From here on this function is called, by nobody who knew anything before."""
        forget_wiring()
        policy = self.policies.get(function, Policy.of(function))
        self.aws.allows = lambda request: policy.allows(request.action, request.resource)
        self.aws.asked.clear()
        self.aws.denied.clear()

    def invoke(self, function: str, event: Json) -> Json:
        self.under_policy(function)
        context = begin_context(function_name=function, aws_request_id=str(uuid.uuid4()), timeout_s=9)
        return getattr(application, function)(event, context)

    def messages_of(self, queue: str) -> Json:
        """The next message of the queue, as Lambda's mapping hands it over."""
        with pika.BlockingConnection(pika.URLParameters(self.broker_url)) as connection:
            _, properties, body = connection.channel().basic_get(queue, auto_ack=True)
        assert body is not None, f"nothing waits in {queue}"
        assert properties is not None
        sent = {"messageId": properties.message_id, "correlationId": properties.correlation_id}
        return {f"{queue}::/": [{"basicProperties": sent, "data": base64.b64encode(body).decode()}]}

    def ask(self, *requests: tuple[str, object]) -> None:
        """What a backend asks of the interface."""
        self.under_policy("api_handler")
        answer = GatewayClient(application.app).call("POST /v1/auth/token", CREDENTIALS)
        client = GatewayClient(application.app, token=answer.json["access_token"])
        for route, body in requests:
            answer = client.call(route, body)
            assert answer.status < 300, (route, answer.body)

    @property
    def read(self) -> set[str]:
        """The settings whose secrets were read, all of which may be."""
        assert self.aws.denied == []
        return {NAMES[request.resource] for request in self.aws.asked if request.action == READ}


@pytest.fixture(scope="module")
def urls(
    database_url: str, redis_url: str, rabbitmq_url: str, rabbitmq_management_url: str
) -> Iterator[dict[str, str]]:
    """A part of each server that this module has for itself."""
    redis = f"{redis_url.rpartition('/')[0]}/4"
    with empty_database(database_url) as database, empty_vhost(rabbitmq_url, rabbitmq_management_url) as vhost:
        yield {"database_url": database, "redis_url": redis, "rabbitmq_url": vhost}


@pytest.fixture(scope="module")
def installation(urls: dict[str, str]) -> Iterator[Installation]:
    """Migrated, with a published template. Every store has a secret of its own, and so has its replica."""
    settings: Mapping[str, str] = {
        **environment(**urls),
        **{name.upper(): urls["database_url"] for name in SETTINGS},
        "EMAIL_PROVIDERS": "ses://eu-west-1",
        "FCM_CREDENTIALS": service_account_json(f"http://{NOBODY_LISTENS}/token"),
    }
    with aws_double() as aws, pytest.MonkeyPatch.context() as patch:
        aws.secrets = {secret_arn(name.upper()): settings[name.upper()] for name in RULES}
        kept = {name.upper(): secret_arn(name.upper()) for name in RULES}
        given = {"FCM_ENDPOINT": f"http://{NOBODY_LISTENS}", "CANARY_EMAIL": "canary@example.com"}
        for name, value in aws.environment(**{**settings, **kept, **given}).items():
            patch.setenv(name, value)
        installation = Installation(aws, urls["rabbitmq_url"])
        client = {**CREDENTIALS, "name": "Billing", "scopes": [Scope.ADMIN]}
        installation.invoke("migrate", {"first_client": client})
        installation.ask(("POST /v1/templates", TEMPLATE), ("POST /v1/templates/welcome/versions/1/publish", None))
        yield installation
        forget_wiring()


def allowed(function: str) -> set[str]:
    """The settings that the function may read; `DATABASE_URL` stands for the stores that have none of their own."""
    policy = Policy.of(function)
    return {setting for arn, setting in NAMES.items() if policy.allows(READ, arn)} - {"DATABASE_URL"}


def notify(priority: str = "normal") -> tuple[str, object]:
    recipient = {"email": "ada@example.com", "device_tokens": [{"token": "phone", "platform": "ios"}]}
    return "POST /v1/notifications", {"template_code": "welcome", "recipient": recipient, "priority": priority}


def call(installation: Installation, function: str) -> None:
    """Have the function do all of what it is for."""
    if function == "api_handler":
        lists = (f"GET /v1/{one}" for one in ("users", "templates", "notifications", "queues", "circuits"))
        installation.ask(notify(), *((route, None) for route in lists))
    elif function == "archive_failed":
        foreign = {"basicProperties": None, "redelivered": False, "data": base64.b64encode(b"?").decode()}
        installation.invoke(function, {"rmqMessagesByQueue": {f"{queue_of(FAILED)}::/": [foreign]}})
    elif function in CONSUMERS:
        installation.ask(notify("low" if function.endswith("_bulk") else "normal"))
        installation.invoke(function, {"rmqMessagesByQueue": installation.messages_of(CONSUMERS[function])})
    else:
        installation.invoke(function, {})


@pytest.mark.parametrize("function", ALL)
def test_a_function_reads_the_secrets_that_it_may_and_may_read_no_others(
    installation: Installation, function: str
) -> None:
    call(installation, function)
    assert installation.read == allowed(function)


def test_where_all_stores_are_one_their_one_secret_is_read_once(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for store in STORES:
        monkeypatch.delenv(f"{store.upper()}_DATABASE_URL")
        monkeypatch.delenv(f"{store.upper()}_READ_URL")
    call(installation, "deliver_email")
    assert installation.aws.asked.count(AwsRequest(READ, secret_arn("DATABASE_URL"))) == 1
    assert installation.read == {"DATABASE_URL", "REDIS_URL", "RABBITMQ_URL", "EMAIL_PROVIDERS"}


def test_several_secrets_that_say_the_same_share_one_connection(
    installation: Installation, urls: dict[str, str]
) -> None:
    call(installation, "api_handler")
    with psycopg.connect(urls["database_url"]) as connection:
        counted = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
        assert connection.execute(counted, ["carillon"]).fetchone() == (1,)


def test_an_e_mail_leaves_by_ses_under_the_policy(installation: Installation) -> None:
    call(installation, "deliver_email")
    assert installation.aws.asked.count(SEND) == 1


def test_a_function_that_may_not_read_its_secret_says_which_and_gives_its_batch_back(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(installation.policies, "archive_failed", Policy.of("archive_failed").without(READ))
    with pytest.raises(InvalidSettings, match=r"NOTIFICATIONS_DATABASE_URL: .*AccessDeniedException"):
        call(installation, "archive_failed")


def test_a_policy_that_lacks_an_action_fails_this_check_and_names_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(installation.policies, "deliver_email", Policy.of("deliver_email").without("ses:SendRawEmail"))
    call(installation, "deliver_email")
    assert installation.aws.denied == [SEND]
