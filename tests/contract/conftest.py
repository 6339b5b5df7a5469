"""The application without any server: what gets past its checks answers 503."""

from collections.abc import Iterator

import pytest
from chalice.app import Chalice

import app as application
from chalicelib.domain.principal import Principal, Scope
from chalicelib.domain.rate import Standing
from chalicelib.handlers.guards import Guards, standing_in
from chalicelib.wiring import auth
from tests.configured import environment, forget_wiring
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
