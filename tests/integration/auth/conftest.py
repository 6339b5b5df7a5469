"""The application over the real servers, with a first administrator and a first client."""

from collections.abc import Iterator

import pytest
from chalice.app import Chalice

import app as application
from chalicelib.domain.principal import Scope
from chalicelib.migrations.run import upgrade
from chalicelib.services.establish import FirstAdmin, FirstClient
from chalicelib.wiring import migration
from tests.configured import environment, forget_wiring
from tests.gateway_client import GatewayClient, Json
from tests.integration.auth.coming_in import ADMIN, CREDENTIALS, LOGIN, SECRET, TOKEN, end


@pytest.fixture
def app(fresh_database: str, fresh_redis: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chalice]:
    servers = environment(database_url=fresh_database, redis_url=fresh_redis)
    for name, value in {**servers, "RATE_LIMIT_IP": "1000000/minute"}.items():
        monkeypatch.setenv(name, value)
    forget_wiring()
    upgrade("users", fresh_database)
    first_client = FirstClient("local", "Local", frozenset({Scope.ADMIN}), SECRET)
    migration.establish(admin=FirstAdmin(ADMIN["email"], ADMIN["password"]), client=first_client)
    yield application.app
    end()


@pytest.fixture
def anybody(app: Chalice) -> GatewayClient:
    return GatewayClient(app)


@pytest.fixture
def tokens(anybody: GatewayClient) -> Json:
    """What the administrator was given at a login."""
    answer = anybody.call(LOGIN, ADMIN)
    assert answer.status == 200, answer.body
    return answer.json


@pytest.fixture
def backend(app: Chalice, anybody: GatewayClient) -> GatewayClient:
    """An API client with every scope."""
    return GatewayClient(app, token=anybody.call(TOKEN, CREDENTIALS).json["access_token"])
