"""A service somebody else runs, named by a URL in the environment: used, never stopped, never changed."""

import time
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import psycopg

from offline.services.errors import ServerFailed
from offline.services.private import Endpoint, NotHealthy
from offline.services.rabbitmq import connect_once
from offline.services.valkey import version_at

_DEADLINE_S = 3.0
_POLL_S = 0.25


class GivenService:
    """One service at a given URL."""

    def __init__(
        self, *, variable: str, url: str, check: Callable[[str], str], management_url: str | None = None
    ) -> None:
        self._variable = variable
        self._url = url
        self._check = check
        self._management_url = management_url

    def start(self, report: Callable[[str], None]) -> Endpoint:  # noqa: ARG002 - nothing here takes long
        """Return the service once it answers.

        Raises:
            ServerFailed: nothing answers there; the message names the variable, not the URL with its password.
        """
        ends_at = time.monotonic() + _DEADLINE_S
        while True:
            try:
                version = self._check(self._url)
            except NotHealthy as reason:
                if time.monotonic() > ends_at:
                    raise ServerFailed(
                        f"{self._variable} is set, but the server it names does not answer: {reason}"
                    ) from reason
                time.sleep(_POLL_S)
            else:
                return Endpoint(self._url, source="environment", version=version, management_url=self._management_url)

    def stop(self) -> None:
        """It belongs to somebody else."""


def given_in(environment: Mapping[str, str]) -> dict[str, GivenService]:
    """Return the services whose URLs an environment names, by the server's name."""
    found: dict[str, GivenService] = {}
    if environment.get("DATABASE_URL"):
        url = environment["DATABASE_URL"]
        found["postgresql"] = GivenService(variable="DATABASE_URL", url=url, check=_postgresql_version)
    if environment.get("REDIS_URL"):
        found["valkey"] = GivenService(variable="REDIS_URL", url=environment["REDIS_URL"], check=version_at)
    if environment.get("RABBITMQ_URL"):
        url = environment["RABBITMQ_URL"]
        management = environment.get("RABBITMQ_MANAGEMENT_URL") or _management_beside(url)
        found["rabbitmq"] = GivenService(
            variable="RABBITMQ_URL", url=url, check=_rabbitmq_version, management_url=management
        )
    return found


def _postgresql_version(url: str) -> str:
    try:
        with psycopg.connect(url, connect_timeout=3) as connection:
            return connection.info.parameter_status("server_version") or ""
    except psycopg.OperationalError as error:
        raise NotHealthy(str(error)) from error


def _rabbitmq_version(url: str) -> str:
    connect_once(url)
    return ""


def _management_beside(url: str) -> str:
    """Return where the management API listens by default: 15672 beside amqp, 443 beside amqps (Amazon MQ)."""
    parts = urlsplit(url)
    scheme, port = ("https", 443) if parts.scheme == "amqps" else ("http", 15672)
    return f"{scheme}://{parts.username or 'guest'}:{parts.password or 'guest'}@{parts.hostname}:{port}"
