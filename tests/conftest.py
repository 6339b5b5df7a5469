"""The real servers, once a session, in a private folder and on free ports. One that cannot be had fails every test."""

import os
import signal
from collections.abc import Iterator
from types import FrameType

import hypothesis
import pytest

from offline.cloud.stack import CloudStack
from offline.cloud.testbed import private_cloud
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
# Of the deployed functions alone, for the local ones have no secrets to look at: a rotation can be waited for.
DEPLOYED_SETTINGS = {**SETTINGS, "SECRET_MAX_AGE_S": "5"}

# How fast inputs are made says something of the machine: on a new one the first text takes seconds, for its tables.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


_BROUGHT_UP_BY = {"cloud": "localstack", "stack": "local"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Lets people in a hurry choose the world in which the tests of the whole system run."""
    parser.addoption("--world", choices=["local", "localstack", "both"], default="both", help="of tests of the whole")


def pytest_configure(config: pytest.Config) -> None:
    """Let a terminated session clean up as an interrupted one does, and know nothing of the caller's AWS account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    config.addinivalue_line("markers", "last: runs after all tests that are not marked so")

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is marked `last` looks at what all others left behind; other worlds than the wanted one are left out."""
    wanted = config.getoption("--world")
    if wanted != "both":
        config.hook.pytest_deselected(items=[item for item in items if _world_of(item) not in (None, wanted)])
        items[:] = [item for item in items if _world_of(item) in (None, wanted)]
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


def _world_of(item: pytest.Item) -> str | None:
    """The world that a test needs; None when it needs none."""
    if not isinstance(item, pytest.Function):
        return None
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    if "deployment" in parameters:
        return str(parameters["deployment"])
    return next((world for fixture, world in _BROUGHT_UP_BY.items() if fixture in item.fixturenames), None)


@pytest.fixture(scope="session")
def private_session_stack() -> Iterator[Stack]:
    """A stack that is down; whoever needs the servers or the whole brings that part up."""
    with private_stack(settings=SETTINGS, function_timeout_s=FUNCTION_TIMEOUT_S) as stack:
        yield stack


@pytest.fixture(scope="session")
def cloud() -> Iterator[CloudStack]:
    """Carillon deployed to a LocalStack, up and healthy."""
    with private_cloud(settings=DEPLOYED_SETTINGS) as stack:
        stack.up()
        yield stack


@pytest.fixture(scope="session")
def servers(private_session_stack: Stack) -> dict[str, Endpoint]:
    """PostgreSQL, Valkey and RabbitMQ, by name."""
    return private_session_stack.serve()
