"""What only a deployed Carillon can show, on the one of the session: functions that are processes of Lambda's."""

from collections.abc import Iterator

import pytest

from offline.cloud.stack import CloudStack
from tests.e2e.api import EMAIL, Client


@pytest.fixture(scope="session")
def client(cloud: CloudStack) -> Iterator[Client]:
    """The deployment's own API client, with every scope."""
    client = Client(cloud.addresses)
    yield client
    client.close()


@pytest.fixture(scope="session")
def email_template(client: Client) -> str:
    return client.publish_template(EMAIL)
