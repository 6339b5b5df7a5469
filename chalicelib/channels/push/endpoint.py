"""Points firebase-admin's messaging client at another server than Google's: the local double.

The SDK has no setting for it, so this one place reaches into a private attribute; `test_push_endpoint` fails when an
upgrade moves it.
"""

from firebase_admin import messaging  # type: ignore[import-untyped]


def point_at(service: "messaging._MessagingService", endpoint: str, project_id: str) -> None:
    """Make every message of `service` go to `endpoint`, a URL without path, past any proxy."""
    service._fcm_url = f"{endpoint.rstrip('/')}/v1/projects/{project_id}/messages:send"  # noqa: SLF001
    service._client.session.trust_env = False  # noqa: SLF001
