"""The application without any server: what gets past its checks answers 503."""

from collections.abc import Iterator

import pytest
from chalice.app import Chalice

import app as application
from chalicelib.domain.principal import Scope
from tests.configured import environment, forget_wiring
from tests.gateway_client import GatewayClient
from tests.requests_of_a_backend import with_scopes


@pytest.fixture(scope="module")
def app() -> Iterator[Chalice]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment().items():
            patch.setenv(name, value)
        forget_wiring()
        yield application.app
    forget_wiring()


@pytest.fixture(scope="module")
def client(app: Chalice) -> GatewayClient:
    return with_scopes(app, Scope.ADMIN)
