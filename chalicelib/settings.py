"""The settings of every function, read from the environment once and checked as a whole.

A missing or malformed one stops the function at start and is named in the error; none has an insecure default.
Values are secrets where they can hold one: they do not show in a repr, a log line or an error.
"""

import json
import re
from collections.abc import Callable
from typing import Annotated, Self

from pydantic import AfterValidator, Field, PositiveInt, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chalicelib.domain.provider_url import ProviderUrl
from chalicelib.domain.rate import Rate
from chalicelib.domain.retry import RetryDelays
from chalicelib.errors import InvalidSettings


def _url_of(*schemes: str) -> Callable[[SecretStr], SecretStr]:
    def check(url: SecretStr) -> SecretStr:
        scheme, separator, rest = url.get_secret_value().partition("://")
        if not separator or not rest or scheme not in schemes:
            raise ValueError(f"must be a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return url

    return check


def _json_object(text: SecretStr) -> SecretStr:
    try:
        parsed = json.loads(text.get_secret_value())
    except ValueError as error:
        raise ValueError("must be a JSON object") from error
    if not isinstance(parsed, dict) or not parsed:
        raise ValueError("must be a JSON object that is not empty")
    return text


def _retry_delays(text: str) -> str:
    RetryDelays.parse(text)
    return text


def _providers(text: SecretStr) -> SecretStr:
    try:
        urls = [ProviderUrl.parse(url.strip()) for url in text.get_secret_value().split(",")]
    except InvalidSettings as error:
        raise ValueError(str(error)) from error
    if len({url.name for url in urls}) != len(urls):
        raise ValueError("two providers have one name: give one of them another with name=")
    return text


def _rate(text: str) -> str:
    Rate.parse(text)
    return text


def _origins(text: str) -> str:
    for origin in filter(None, text.split(",")):
        if not _ORIGIN.fullmatch(origin.strip()):
            raise ValueError("must be origins such as https://app.example.com, separated by commas")
    return text


_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")

PostgresUrl = Annotated[SecretStr, AfterValidator(_url_of("postgresql", "postgres"))]
RedisUrl = Annotated[SecretStr, AfterValidator(_url_of("redis", "rediss"))]
RabbitUrl = Annotated[SecretStr, AfterValidator(_url_of("amqp", "amqps"))]
JsonObject = Annotated[SecretStr, AfterValidator(_json_object)]


class Settings(BaseSettings):
    """Section 5 of the interface document, one field a variable, in its units."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: PostgresUrl
    users_database_url: PostgresUrl | None = None
    templates_database_url: PostgresUrl | None = None
    notifications_database_url: PostgresUrl | None = None
    users_read_url: PostgresUrl | None = None
    templates_read_url: PostgresUrl | None = None
    notifications_read_url: PostgresUrl | None = None
    redis_url: RedisUrl
    rabbitmq_url: RabbitUrl

    email_providers: Annotated[SecretStr, AfterValidator(_providers)]
    email_from: Annotated[str, Field(min_length=3)]
    fcm_project_id: Annotated[str, Field(min_length=1)]
    fcm_credentials: JsonObject
    fcm_endpoint: str | None = None

    jwt_private_keys: JsonObject
    jwt_issuer: Annotated[str, Field(min_length=1)]
    jwt_audience: Annotated[str, Field(min_length=1)]

    retry_delays_s: Annotated[str, NoDecode, AfterValidator(_retry_delays)] = "5,25,125"
    email_concurrency: PositiveInt = 16
    push_concurrency: PositiveInt = 32
    provider_timeout_s: Annotated[float, Field(gt=0, le=300)] = 15.0
    idempotency_ttl_s: PositiveInt = 86_400

    rate_limit_ip: Annotated[str, AfterValidator(_rate)] = "100/15 minutes"
    rate_limit_client: Annotated[str, AfterValidator(_rate)] = "6000/minute"
    rate_limit_login_account: Annotated[str, AfterValidator(_rate)] = "10/15 minutes"
    rate_limit_login_ip: Annotated[str, AfterValidator(_rate)] = "30/15 minutes"
    trusted_proxy_hops: Annotated[int, Field(ge=0, le=10)] = 0
    cors_origins: Annotated[str, NoDecode, AfterValidator(_origins)] = ""
    circuit_failure_threshold: PositiveInt = 5
    circuit_open_s: PositiveInt = 30

    canary_email: Annotated[str, Field(pattern=r"^([^@\s]+@[^@\s]+)?$")] = ""
    canary_device_token: Annotated[str, Field(max_length=4096, pattern=r"^[!-~]*$")] = ""
    """Where a notification goes every minute to prove the whole path; empty, as by default, means that none does."""

    @model_validator(mode="after")
    def _stores_share_the_default(self) -> Self:
        for store in ("users", "templates", "notifications"):
            name = f"{store}_database_url"
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.database_url)
        return self

    @property
    def provider_urls(self) -> tuple[ProviderUrl, ...]:
        """The e-mail providers in the order in which they are tried."""
        return tuple(ProviderUrl.parse(url.strip()) for url in self.email_providers.get_secret_value().split(","))

    @property
    def retry_delays(self) -> RetryDelays:
        return RetryDelays.parse(self.retry_delays_s)

    @property
    def allowed_origins(self) -> frozenset[str]:
        """The origins that browsers may call from."""
        return frozenset(origin.strip() for origin in self.cors_origins.split(",") if origin.strip())

    def read_url_of(self, store: str) -> str:
        """The URL of the store's read replica, or of the store itself where there is none."""
        url: SecretStr | None = getattr(self, f"{store}_read_url")
        return self.database_url_of(store) if url is None else url.get_secret_value()

    def database_url_of(self, store: str) -> str:
        """The URL of the logical store `users`, `templates` or `notifications`."""
        url: SecretStr = getattr(self, f"{store}_database_url")
        return url.get_secret_value()


def load_settings() -> Settings:
    """Read and check the environment.

    Raises:
        InvalidSettings: naming every variable at fault, and none of their values.
    """
    try:
        return Settings()
    except ValidationError as error:
        flaws = (f"{'.'.join(map(str, flaw['loc'])).upper()}: {flaw['msg']}" for flaw in error.errors())
        raise InvalidSettings("; ".join(flaws)) from None
