"""The environment, read once: whole and in order, or named for what is wrong with it."""

import pytest

from chalicelib.domain.databases import STORES
from chalicelib.domain.secret_reference import SecretReference
from chalicelib.errors import InvalidSettings
from chalicelib.settings import load_settings
from tests.configured import environment

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
MALFORMED = [
    ("arn:", ""),
    ("arn:aws:secretsmanager:eu-central-1:12345:secret:", ""),
    ("arn:aws:secretsmanager::123456789012:secret:", ""),
    ("arn:aws:ssm:eu-central-1:123456789012:parameter/", ""),
    (ARN, ":password::"),
    (ARN, " "),
    (ARN, "\n"),
]
LOGINS = [("DATABASE_URL", "postgresql://user"), ("REDIS_URL", "rediss://"), ("RABBITMQ_URL", "amqps://user")]


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_a_complete_environment_is_enough(configured: pytest.MonkeyPatch) -> None:
    settings = load_settings()
    assert settings.retry_delays.delays_s == (5, 25, 125)
    assert settings.idempotency_ttl_s == 86_400
    assert settings.retention_days == 90
    assert len(settings.provider_urls) == 1


@pytest.mark.parametrize("name", sorted(environment()))
def test_a_missing_variable_is_named(configured: pytest.MonkeyPatch, name: str) -> None:
    configured.delenv(name)
    with pytest.raises(InvalidSettings, match=name):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://user:hunter2@host/db"),
        ("DATABASE_URL", "hunter2"),
        ("NOTIFICATIONS_DATABASE_URL", "http://hunter2"),
        ("NOTIFICATIONS_READ_URL", "postgresql://user@one:5432,two:hunter2/db"),
        ("REDIS_URL", "http://:hunter2@host"),
        *((name, f"{url}:hunter2{sign}hunter2@host:1/0") for name, url in LOGINS for sign in "/#?@[]%\N{CARE OF}"),
        ("RABBITMQ_URL", "http://user:hunter2@host"),
        ("EMAIL_PROVIDERS", "ftp://user:hunter2@host"),
        ("EMAIL_PROVIDERS", "smtp://user:hunter2@host?tls=perhaps"),
        ("EMAIL_PROVIDERS", ""),
        ("EMAIL_PROVIDERS", "smtp://host,"),
        ("EMAIL_PROVIDERS", "smtp://user:hunter2@host,smtp://user:hunter2@other"),
        ("EMAIL_PROVIDERS", "gmail://user:hunter2@?rate=fast"),
        ("EMAIL_FROM", ""),
        ("FCM_CREDENTIALS", "hunter2"),
        ("FCM_CREDENTIALS", '["hunter2"]'),
        ("FCM_CREDENTIALS", "{}"),
        ("JWT_PRIVATE_KEYS", "hunter2"),
        ("JWT_PRIVATE_KEYS", '{"first": "hunter2"}'),
        ("JWT_PRIVATE_KEYS", '{"first": 1}'),
        ("RETRY_DELAYS_S", "25,5"),
        ("RETRY_DELAYS_S", ""),
        ("EMAIL_CONCURRENCY", "0"),
        ("PUSH_CONCURRENCY", "many"),
        ("PROVIDER_TIMEOUT_S", "0"),
        ("PROVIDER_TIMEOUT_S", "nan"),
        ("IDEMPOTENCY_TTL_S", "-1"),
        ("RETENTION_DAYS", "0"),
        ("RETENTION_DAYS", "ninety"),
        ("CANARY_EMAIL", "nobody"),
        ("CANARY_DEVICE_TOKEN", "two words"),
        ("SECRET_MAX_AGE_S", "0"),
        *((name, f"{arn}hunter2{end}") for name in ("DATABASE_URL", "JWT_PRIVATE_KEYS") for arn, end in MALFORMED),
        ("EMAIL_FROM", f"{ARN}hunter2-AbCdEf"),
        ("JWT_ISSUER", f"{ARN}hunter2-AbCdEf"),
        ("RATE_LIMIT_IP", f"{ARN}hunter2-AbCdEf"),
    ],
)
def test_a_malformed_variable_is_named_and_its_value_is_not_shown(
    configured: pytest.MonkeyPatch, name: str, value: str
) -> None:
    configured.setenv(name, value)
    with pytest.raises(InvalidSettings, match=name) as refused:
        load_settings()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://carillon:a%2Fb%25@proxy.example:5432/carillon?sslmode=verify-full&options="),
        ("USERS_READ_URL", "postgresql://carillon:word@one.example:5432,two.example/carillon"),
        ("TEMPLATES_READ_URL", "postgresql:///carillon?host=/run/postgresql"),
        ("REDIS_URL", "rediss://:a%23b@[::1]:6379/0"),
        ("RABBITMQ_URL", "amqps://carillon:a!b$c@broker.example:5671/%2F"),
    ],
)
def test_a_url_is_taken_as_it_is(configured: pytest.MonkeyPatch, name: str, value: str) -> None:
    configured.setenv(name, value)
    assert load_settings().reveal(name.lower()) == value


def test_everything_that_is_wrong_is_named_at_once(configured: pytest.MonkeyPatch) -> None:
    configured.delenv("REDIS_URL")
    configured.setenv("RABBITMQ_URL", "nowhere")
    with pytest.raises(InvalidSettings, match=r"(?s)REDIS_URL.*RABBITMQ_URL|RABBITMQ_URL.*REDIS_URL"):
        load_settings()


def test_a_secret_does_not_show(configured: pytest.MonkeyPatch) -> None:
    configured.setenv("DATABASE_URL", "postgresql://carillon:hunter2@host/db")
    settings = load_settings()
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)
    assert settings.database_url_of("notifications") == "postgresql://carillon:hunter2@host/db"


def test_a_store_may_have_a_database_of_its_own(configured: pytest.MonkeyPatch) -> None:
    configured.setenv("USERS_DATABASE_URL", "postgresql://elsewhere/users")
    settings = load_settings()
    assert settings.database_url_of("users") == "postgresql://elsewhere/users"
    assert settings.database_url_of("templates") == environment()["DATABASE_URL"]


def test_providers_are_tried_in_the_order_in_which_they_are_named(configured: pytest.MonkeyPatch) -> None:
    configured.setenv("EMAIL_PROVIDERS", "smtp://first.example?name=one, smtp://second.example?name=two")
    assert [url.name for url in load_settings().provider_urls] == ["one", "two"]


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_a_setting_may_name_a_secret_which_is_read_when_it_is_needed(
    configured: pytest.MonkeyPatch, partition: str
) -> None:
    arn = ARN.replace("arn:aws:", f"arn:{partition}:") + "carillon/dev/REDIS_URL-AbCdEf"
    configured.setenv("REDIS_URL", arn)
    asked: list[tuple[str, SecretReference]] = []

    def reveal(setting: str, reference: SecretReference) -> str:
        asked.append((setting, reference))
        return "redis://revealed"

    settings = load_settings(reveal)
    assert settings.reveal("rabbitmq_url") == environment()["RABBITMQ_URL"]
    assert asked == []
    assert settings.reveal("redis_url") == "redis://revealed"
    assert asked == [("redis_url", SecretReference(arn, "eu-central-1"))]


def test_settings_that_name_one_secret_are_one(configured: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "TEMPLATES_DATABASE_URL", "TEMPLATES_READ_URL"):
        configured.setenv(name, f"{ARN}carillon/dev/DATABASE_URL-AbCdEf")
    configured.setenv("USERS_READ_URL", f"{ARN}carillon/dev/USERS_READ_URL-AbCdEf")
    settings = load_settings()
    assert {settings.database_of(store) for store in STORES} == {"database_url"}
    assert [settings.replica_of(store) for store in STORES] == ["users_read_url", "database_url", "database_url"]


def test_a_secret_without_a_place_to_read_it_from_is_an_error_that_names_the_setting(
    configured: pytest.MonkeyPatch,
) -> None:
    configured.setenv("REDIS_URL", f"{ARN}carillon/dev/REDIS_URL-AbCdEf")
    with pytest.raises(InvalidSettings, match="REDIS_URL"):
        load_settings().reveal("redis_url")
