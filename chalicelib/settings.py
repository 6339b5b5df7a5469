"""The settings of every function, read from the environment once and checked as a whole.

A missing or malformed one stops the function at start and is named in the error; none has an insecure default.
Values are secrets where they can hold one: they do not show in a repr, a log line or an error. Instead of its value,
such a setting may name a secret of AWS Secrets Manager by ARN. Then it is read when something first needs it, so that a
function reads no secret that it does not use, and it must keep the same rule as a value given here.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    Field,
    PositiveInt,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from chalicelib.domain import databases
from chalicelib.domain.provider_url import ProviderUrl
from chalicelib.domain.rate import Rate
from chalicelib.domain.retry import RetryDelays
from chalicelib.domain.secret_reference import SecretReference, is_reference
from chalicelib.domain.secret_rules import RULES, parse_providers
from chalicelib.errors import InvalidSettings


def _retry_delays(text: str) -> str:
    RetryDelays.parse(text)
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

Reveal = Callable[[str, SecretReference], str]
"""What a setting's secret says, by the setting's name. Raises: SecretUnavailable, InvalidSettings."""


def _nowhere(setting: str, _reference: SecretReference) -> str:
    raise InvalidSettings(f"{setting.upper()}: there is no place to read secrets from")


class Settings(BaseSettings):
    """Section 5 of the interface document, one field a variable, in its units."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: SecretStr
    users_database_url: SecretStr | None = None
    templates_database_url: SecretStr | None = None
    notifications_database_url: SecretStr | None = None
    users_read_url: SecretStr | None = None
    templates_read_url: SecretStr | None = None
    notifications_read_url: SecretStr | None = None
    redis_url: SecretStr
    rabbitmq_url: SecretStr

    email_providers: SecretStr
    email_from: Annotated[str, Field(min_length=3)]
    fcm_project_id: Annotated[str, Field(min_length=1)]
    fcm_credentials: SecretStr
    fcm_endpoint: str | None = None

    jwt_private_keys: SecretStr
    jwt_issuer: Annotated[str, Field(min_length=1)]
    jwt_audience: Annotated[str, Field(min_length=1)]

    retry_delays_s: Annotated[str, NoDecode, AfterValidator(_retry_delays)] = "5,25,125"
    email_concurrency: PositiveInt = 16
    push_concurrency: PositiveInt = 32
    provider_timeout_s: Annotated[float, Field(gt=0, le=300)] = 15.0
    idempotency_ttl_s: PositiveInt = 86_400
    retention_days: Annotated[int, Field(ge=1, le=36_500)] = 90

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

    secret_max_age_s: PositiveInt = 300
    """For how long a secret that was read is believed before it is looked at again."""

    _reveal: Reveal = PrivateAttr(default_factory=lambda: _nowhere)

    @field_validator("*", mode="before")
    @classmethod
    def _only_secrets_lie_elsewhere(cls, value: object, field: ValidationInfo) -> object:
        if isinstance(value, str) and is_reference(value) and field.field_name not in RULES:
            raise ValueError("is no secret: give the value itself and not an ARN")
        return value

    @field_validator(*RULES)
    @classmethod
    def _is_in_order(cls, secret: SecretStr | None, field: ValidationInfo) -> SecretStr | None:
        if secret is not None:
            text = secret.get_secret_value()
            check = SecretReference.parse if is_reference(text) else RULES[str(field.field_name)]
            check(text)
        return secret

    @model_validator(mode="after")
    def _stores_share_the_default(self) -> Self:
        for store in databases.STORES:
            name = f"{store}_database_url"
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.database_url)
        return self

    def reveal(self, name: str) -> str:
        """The value of a secret setting, given here or kept elsewhere. Raises: SecretUnavailable, InvalidSettings."""
        text: str = getattr(self, name).get_secret_value()
        return self._reveal(name, SecretReference.parse(text)) if is_reference(text) else text

    @property
    def provider_urls(self) -> tuple[ProviderUrl, ...]:
        """The e-mail providers in the order in which they are tried."""
        return parse_providers(self.reveal("email_providers"))

    @property
    def retry_delays(self) -> RetryDelays:
        return RetryDelays.parse(self.retry_delays_s)

    @property
    def allowed_origins(self) -> frozenset[str]:
        """The origins that browsers may call from."""
        return frozenset(origin.strip() for origin in self.cors_origins.split(",") if origin.strip())

    def database_of(self, store: str) -> str:
        """The setting that says where the logical store `users`, `templates` or `notifications` is.

        Settings that say the same, be it a URL or where it is kept, are one: the first of them stands for all.
        """
        return self._first_like(f"{store}_database_url")

    def replica_of(self, store: str) -> str:
        """The setting that says where the store is read from: its read replica, or itself where there is none."""
        name = f"{store}_read_url"
        return self.database_of(store) if getattr(self, name) is None else self._first_like(name)

    def database_url_of(self, store: str) -> str:
        """The URL of the store."""
        return self.reveal(self.database_of(store))

    def _first_like(self, name: str) -> str:
        return next(other for other in databases.SETTINGS if getattr(self, other) == getattr(self, name))


def load_settings(reveal: Reveal = _nowhere, *, given: Mapping[str, str] | None = None) -> Settings:
    """Read and check the environment, in which what is `given` goes first. What secrets say is asked of `reveal`, when
    it is needed.

    Raises:
        InvalidSettings: naming every variable at fault, and none of their values.
    """
    try:
        settings = Settings.model_validate({name.lower(): value for name, value in (given or {}).items()})
    except ValidationError as error:
        flaws = (f"{'.'.join(map(str, flaw['loc'])).upper()}: {flaw['msg']}" for flaw in error.errors())
        raise InvalidSettings("; ".join(flaws)) from None
    settings._reveal = reveal  # noqa: SLF001  of this very module
    return settings
