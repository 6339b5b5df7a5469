"""The private place through which the double is reached; fails when an upgrade of the SDK moves it."""

import contextlib

import pytest
from firebase_admin import messaging  # type: ignore[import-untyped]

from chalicelib.channels.push.fcm import FcmProvider
from chalicelib.channels.push.http_pool import DeadlineAdapter
from chalicelib.errors import InvalidSettings
from tests.service_account import service_account_json


def provider(endpoint: str | None) -> FcmProvider:
    return FcmProvider(
        project_id="test",
        credentials_json=service_account_json("http://127.0.0.1:1/token"),
        timeout_s=1,
        connections=4,
        endpoint=endpoint,
    )


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (None, "https://fcm.googleapis.com/v1/projects/test/messages:send"),
        ("http://127.0.0.1:9/", "http://127.0.0.1:9/v1/projects/test/messages:send"),
    ],
)
def test_messages_go_to_google_unless_an_endpoint_is_given(endpoint: str | None, url: str) -> None:
    with contextlib.closing(provider(endpoint)) as made:
        service = messaging._get_messaging_service(made._app)
        assert service._fcm_url == url
        assert isinstance(service._client.session.get_adapter(url), DeadlineAdapter)


@pytest.mark.parametrize("text", ["{}", '{"type":"service_account"}', '{"type":"authorized_user"}', "not json"])
def test_credentials_that_are_no_service_account_stop_the_start(text: str) -> None:
    with pytest.raises(InvalidSettings, match="FCM_CREDENTIALS"):
        FcmProvider(project_id="test", credentials_json=text, timeout_s=1, connections=1)
