"""What the crash tests share: templates to post."""

import pytest

from tests.e2e.api import EMAIL, Client


@pytest.fixture
def email_template(client: Client) -> str:
    return client.publish_template(EMAIL)


@pytest.fixture
def template(client: Client) -> str:
    """One for both channels."""
    return client.publish_template()
