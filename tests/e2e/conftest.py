"""The whole system, once a session and world: only HTTP, the sinks and the life of its processes are to be touched."""

from collections.abc import Iterator, Mapping

import pytest

from offline.stack.stack import Stack
from tests.e2e.api import Client
from tests.e2e.worlds import FIXTURES, Deployment, worlds_of


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs each test of a deployment in every world that is a place for it."""
    if "deployment" in metafunc.fixturenames:
        worlds = worlds_of(metafunc.fixturenames)
        metafunc.parametrize("deployment", worlds, indirect=True, scope="session")


@pytest.fixture(scope="session")
def stack(private_session_stack: Stack) -> Stack:
    """The local machinery, up and healthy. `stack.addresses` holds what stack.env says."""
    private_session_stack.up()
    return private_session_stack


@pytest.fixture
def breakable_stack(stack: Stack) -> Iterator[Stack]:
    """The stack for a test that kills parts of it: it is whole again before the next test."""
    yield stack
    stack.up()


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest) -> Deployment:
    """Carillon in this test's world, brought up when the first test of that world runs."""
    up: Deployment = request.getfixturevalue(FIXTURES[request.param])
    return up


@pytest.fixture(scope="session")
def addresses(deployment: Deployment) -> Mapping[str, str]:
    """What stack.env says of this test's world."""
    return deployment.addresses


@pytest.fixture(scope="session")
def client(addresses: Mapping[str, str]) -> Iterator[Client]:
    """The world's own API client, with every scope."""
    client = Client(addresses)
    yield client
    client.close()
