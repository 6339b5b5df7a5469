"""The whole system, once a session: only HTTP, the sinks and the life of its processes are for a test to touch."""

from collections.abc import Iterator

import pytest

from offline.stack.stack import Stack
from tests.e2e.api import Client


@pytest.fixture(scope="session")
def stack(private_session_stack: Stack) -> Stack:
    """The stack, up and healthy. `stack.addresses` holds what stack.env says."""
    private_session_stack.up()
    return private_session_stack


@pytest.fixture
def breakable_stack(stack: Stack) -> Iterator[Stack]:
    """The stack for a test that kills parts of it: it is whole again before the next test."""
    yield stack
    stack.up()


@pytest.fixture(scope="session")
def client(stack: Stack) -> Iterator[Client]:
    """The stack's own API client, with every scope."""
    client = Client(stack.addresses)
    yield client
    client.close()
