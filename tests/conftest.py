"""The real servers, once a session, in a private folder and on free ports. One that cannot be had fails every test."""

import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from offline.services.private import Endpoint
from offline.stack.stack import Stack
from offline.stack.testbed import private_stack

# Retries as in production, on a clock that a test can wait for; and rates that no test uses up by accident.
SETTINGS = {"RETRY_DELAYS_S": "1,2,4", "RATE_LIMIT_IP": "1000000/minute", "RATE_LIMIT_CLIENT": "1000000/minute"}
# A claim is held for this and 5 s more: a test can wait for the end of a lease, too.
FUNCTION_TIMEOUT_S = 12


def pytest_configure() -> None:
    """Let a terminated session clean up as an interrupted one does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


@pytest.fixture(scope="session")
def private_session_stack() -> Iterator[Stack]:
    """A stack that is down; whoever needs the servers or the whole brings that part up."""
    with private_stack(settings=SETTINGS, function_timeout_s=FUNCTION_TIMEOUT_S) as stack:
        yield stack


@pytest.fixture(scope="session")
def servers(private_session_stack: Stack) -> dict[str, Endpoint]:
    """PostgreSQL, Valkey and RabbitMQ, by name."""
    return private_session_stack.serve()
