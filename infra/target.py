"""Where a deployment goes, and what it finds there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3  # type: ignore[import-untyped]
import botocore.session  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]

AwsClient = Any  # boto3 has no types

_CONNECT_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Target:
    """A stage of an account and region. `environment` is what AWS's own tools read: credentials, region, and
    AWS_ENDPOINT_URL for a LocalStack. Nothing else of the caller's environment decides where anything goes.
    """

    stage: str
    environment: Mapping[str, str] = field(repr=False)

    @property
    def region(self) -> str:
        return self.environment["AWS_DEFAULT_REGION"]

    @property
    def endpoint_url(self) -> str | None:
        """None is AWS itself."""
        return self.environment.get("AWS_ENDPOINT_URL")

    def client(self, service: str) -> AwsClient:
        """A client of this service, with these credentials and no others."""
        return self._client(service, Config(connect_timeout=_CONNECT_TIMEOUT_S, retries={"mode": "standard"}))

    def invoking_client(self, *, longest_s: int) -> AwsClient:
        """A client of Lambda that waits as long as a function runs, and calls it once only."""
        once = {"total_max_attempts": 1}
        return self._client(
            "lambda",
            Config(connect_timeout=_CONNECT_TIMEOUT_S, read_timeout=longest_s, retries=once, tcp_keepalive=True),
        )

    def _client(self, service: str, config: Config) -> AwsClient:
        session = boto3.Session(
            botocore_session=_session_of(self.environment.get("AWS_PROFILE")),
            aws_access_key_id=self.environment.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=self.environment.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=self.environment.get("AWS_SESSION_TOKEN"),
            region_name=self.region,
        )
        return session.client(service, endpoint_url=self.endpoint_url, config=config)


def _session_of(profile: str | None) -> botocore.session.Session:
    """A session with this profile and no other: asked for none, boto3 would take the one of our own environment."""
    read_from_nowhere_else = (None, None, profile, None)
    return botocore.session.Session(session_vars={"profile": read_from_nowhere_else})


@dataclass(frozen=True, slots=True)
class Platform:
    """What a stage runs on: what CloudFormation made, or what a machine without AWS has instead.

    `settings` is the environment of the functions; those that are secrets are ARNs of Secrets Manager. The secret at
    `broker_secret_arn` holds `{"username", "password"}` for the event source mappings. `state_bucket` keeps what the
    next deploy must know.
    """

    settings: Mapping[str, str] = field(repr=False)
    broker_arn: str
    broker_secret_arn: str
    virtual_host: str
    state_bucket: str
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
