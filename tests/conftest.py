"""The real servers, once a session, in a private folder and on free ports. One that cannot be had fails every test."""

import signal
from collections.abc import Iterator
from types import FrameType

import hypothesis
import pytest

from offline.services.private import Endpoint
from offline.stack.stack import Stack
from offline.stack.testbed import private_stack

# Retries as in production, on a clock that a test can wait for; and rates that no test uses up by accident.
SETTINGS = {"RETRY_DELAYS_S": "1,2,4", "RATE_LIMIT_IP": "1000000/minute", "RATE_LIMIT_CLIENT": "1000000/minute"}
SETTINGS |= {"RATE_LIMIT_LOGIN_IP": "1000000/minute"}
SETTINGS |= {"CORS_ORIGINS": "https://app.example.test"}
# A circuit that a killed server opens is tried again soon; the scripted failures of a few recipients open none.
SETTINGS |= {"CIRCUIT_OPEN_S": "2", "CIRCUIT_FAILURE_THRESHOLD": "20"}
# A claim is held for this and 5 s more: a test can wait for the end of a lease, too.
FUNCTION_TIMEOUT_S = 12

# How fast inputs are made says something of the machine: on a new one the first text takes seconds, for its tables.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """Let a terminated session clean up as an interrupted one does."""
    config.addinivalue_line("markers", "last: runs after all tests that are not marked so")

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked `last` looks at what all others left behind."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def private_session_stack() -> Iterator[Stack]:
    """A stack that is down; whoever needs the servers or the whole brings that part up."""
    with private_stack(settings=SETTINGS, function_timeout_s=FUNCTION_TIMEOUT_S) as stack:
        yield stack


@pytest.fixture(scope="session")
def servers(private_session_stack: Stack) -> dict[str, Endpoint]:
    """PostgreSQL, Valkey and RabbitMQ, by name."""
    return private_session_stack.serve()
