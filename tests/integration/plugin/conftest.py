"""A LocalStack with the plug-in and nothing deployed, and what functions are made with."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from offline.cloud.emulation import RUNNERS, localstack, target_at
from offline.cloud.install import install
from offline.cloud.runtime import prepare_runtime
from offline.services.ports import choose
from offline.services.processes import Processes
from offline.stack.layout import CACHE, Layout
from offline.stack.runner import launch, wait_for
from offline.stack.testbed import private_root, system_environment
from offline.stack.world import World
from tests.integration.plugin.account import Account


@pytest.fixture(scope="session")
def interpreter() -> Path:
    """Python with Lambda's runtime client."""
    return prepare_runtime(CACHE)


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    """What runs here ends with the session; if that is killed, the next one ends it."""
    with private_root() as root:
        world = World(
            layout=Layout(root=root),
            environment=system_environment(),
            say=lambda *_: None,
            prefer_default_ports=False,
            runners=RUNNERS,
        )
        try:
            yield world.processes(world.plan())
        finally:
            world.remove()


@pytest.fixture(scope="session")
def account(processes: Processes, rabbitmq_url: str, tmp_path_factory: pytest.TempPathFactory) -> Account:
    """A LocalStack that knows the real broker's address."""
    port, folder = choose(None), tmp_path_factory.mktemp("localstack")
    part = localstack(
        install(CACHE, lambda _: None),
        port=port,
        folder=folder,
        broker_url=rabbitmq_url,
        environment=system_environment(),
    )
    launch(part, processes)
    wait_for(part, processes)
    return Account(target_at(port).environment)


@pytest.fixture(scope="session")
def secret_arn(account: Account, rabbitmq_url: str) -> str:
    """The secret with the broker's user and password."""
    parts = urlsplit(rabbitmq_url)
    return account.create_secret(username=unquote(parts.username or ""), password=unquote(parts.password or ""))
