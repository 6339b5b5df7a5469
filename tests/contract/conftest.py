"""The application without any server: what passes its checks answers 503. And a Redis for adapters to be tried on."""

from collections.abc import Iterator

import pytest
from chalice.app import Chalice

import app as application
from chalicelib.domain.principal import Principal, Scope
from chalicelib.domain.rate import Standing
from chalicelib.handlers.guards import Guards, standing_in
from chalicelib.stores.cache import Cache
from chalicelib.wiring import auth
from offline.services.private import Endpoint
from tests.configured import environment, forget_wiring
from tests.contract_cache import NOBODY, ManualCache
from tests.gateway_client import GatewayClient
from tests.requests_of_a_backend import with_scopes


class Uncounted:
    """Lets everybody ask as often as they like."""

    def count(self, caller: Principal | None, *, source_ip: str) -> Standing:
        return Standing(limit=100, remaining=99, reset_s=60, exceeded=False)


@pytest.fixture(scope="module")
def forsaken_app() -> Iterator[Chalice]:
    """The application as it is, and no server that it could ask: not even who it is that calls."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment().items():
            patch.setenv(name, value)
        forget_wiring()
        yield application.app
    forget_wiring()


@pytest.fixture(scope="module")
def app(forsaken_app: Chalice) -> Iterator[Chalice]:
    """The application that believes a token whose signature and claims hold, and asks no server about it."""
    with standing_in(Guards(verifier=auth.access_tokens(), limiter=Uncounted())):
        yield forsaken_app


@pytest.fixture(scope="module")
def client(app: Chalice) -> GatewayClient:
    return with_scopes(app, Scope.ADMIN)


@pytest.fixture(scope="session")
def redis_url(servers: dict[str, Endpoint]) -> str:
    """A database of the real Valkey that nothing but these suites uses."""
    return f"{servers['valkey'].url.rpartition('/')[0]}/3"


@pytest.fixture
def cache(redis_url: str) -> Iterator[ManualCache]:
    """Empty."""
    cache = ManualCache(redis_url)
    try:
        with cache.client() as client:
            client.flushdb()
        yield cache
    finally:
        cache.close()


@pytest.fixture
def away() -> Iterator[Cache]:
    """A Redis that is away."""
    cache = Cache(NOBODY)
    try:
        yield cache
    finally:
        cache.close()


@pytest.fixture(params=["fake", "real"])
def subject(request: pytest.FixtureRequest) -> object:
    """The module's fixture of that name: every test that takes it is run on the fake and on the real one."""
    return request.getfixturevalue(request.param)
