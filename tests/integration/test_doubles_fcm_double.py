"""The FCM double with Google's own client, and over plain HTTP."""

import datetime
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

import firebase_admin  # type: ignore[import-untyped]  # no stubs exist
import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from firebase_admin import credentials, exceptions, messaging
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from offline.doubles.fcm_double import RunningFcmDouble, running_fcm_double
from offline.doubles.fcm_oauth import GRANT_TYPE

# A registration token is what devices have; firebase-admin 7.7 would rather have installation ids.
pytestmark = pytest.mark.filterwarnings("ignore:Message.token is deprecated:DeprecationWarning")

PROJECT = "carillon-test"
SLOW_S = 0.2


@pytest.fixture(scope="module")
def started_double() -> Iterator[RunningFcmDouble]:
    with running_fcm_double(slow_s=SLOW_S, retry_after_s=7) as double:
        yield double


@pytest.fixture
def double(started_double: RunningFcmDouble) -> RunningFcmDouble:
    """The module's double, emptied."""
    httpx.delete(f"{started_double.url}/messages").raise_for_status()
    return started_double


@pytest.fixture(scope="module")
def account(started_double: RunningFcmDouble) -> dict[str, str]:
    """A service account with a key of its own; nobody but the double knows it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": pem,
        "client_email": f"push@{PROJECT}.test",
        "token_uri": started_double.token_uri,
    }


@pytest.fixture(scope="module")
def app(started_double: RunningFcmDouble, account: dict[str, str]) -> Iterator[firebase_admin.App]:
    """firebase-admin's own application, pointed at the double."""
    made = firebase_admin.initialize_app(credentials.Certificate(account), name=str(uuid.uuid4()))
    service = messaging._get_messaging_service(made)
    service._fcm_url = started_double.send_url(PROJECT)
    # Without this google-auth asks Google, in a thread, where the account may be used from.
    boundary = {"encodedLocations": "0x0", "expiry": datetime.datetime(9999, 1, 1)}  # noqa: DTZ001 - google-auth compares naive times
    service._credential._set_regional_access_boundary(boundary)
    yield made
    firebase_admin.delete_app(made)


def access_token(account: dict[str, str]) -> str:
    """An access token that Google's own library fetched from the double."""
    signer = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
        account, scopes=["messaging"]
    )
    signer.refresh(Request())
    return str(signer.token)


def messages(double: RunningFcmDouble, **query: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{double.url}/messages", params=query).json()
    assert isinstance(answer, list)
    return answer


def test_the_real_client_sends_a_message_with_every_platform(double: RunningFcmDouble, app: firebase_admin.App) -> None:
    message = messaging.Message(
        token="device-1",
        notification=messaging.Notification(title="Grüße", body="b", image="https://i.test/i.png"),
        data={"order": "1"},
        android=messaging.AndroidConfig(
            priority="high", ttl=60, notification=messaging.AndroidNotification(channel_id="c", priority="max")
        ),
        apns=messaging.APNSConfig(
            headers={"apns-priority": "10"}, payload=messaging.APNSPayload(aps=messaging.Aps(badge=1, sound="default"))
        ),
        webpush=messaging.WebpushConfig(fcm_options=messaging.WebpushFCMOptions(link="https://a.test")),
    )
    name = messaging.send(message, app=app)
    assert name.startswith(f"projects/{PROJECT}/messages/")
    (kept,) = messages(double)
    assert kept["name"] == name
    assert kept["project"] == PROJECT
    assert kept["answered"]
    assert kept["message"]["notification"]["title"] == "Grüße"
    assert kept["message"]["android"]["ttl"] == "60s"
    assert kept["message"]["apns"]["payload"]["aps"]["badge"] == 1
    assert kept["headers"]["x-firebase-client"].startswith("fire-admin-python/")
    assert "authorization" not in kept["headers"]


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("unregistered-1", messaging.UnregisteredError),
        ("invalid-1", exceptions.InvalidArgumentError),
        ("sender-mismatch-1", messaging.SenderIdMismatchError),
    ],
)
def test_the_real_client_raises_the_documented_exception(
    double: RunningFcmDouble, app: firebase_admin.App, token: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        messaging.send(messaging.Message(token=token), app=app)
    assert messages(double) == []


def test_an_installation_id_is_scripted_like_a_token(double: RunningFcmDouble, app: firebase_admin.App) -> None:
    with pytest.raises(messaging.UnregisteredError):
        messaging.send(messaging.Message(fid="unregistered-1"), app=app)
    messaging.send(messaging.Message(fid="a"), app=app)
    assert len(messages(double, token="a")) == 1


def test_messages_are_listed_oldest_first_and_found_by_token(double: RunningFcmDouble, app: firebase_admin.App) -> None:
    for token in ("a", "b", "a"):
        messaging.send(messaging.Message(token=token), app=app)
    assert [each["message"]["token"] for each in messages(double)] == ["a", "b", "a"]
    assert len(messages(double, token="a")) == 2
    assert httpx.get(f"{double.url}/health").json() == {"status": "ok", "messages": 3, "dropped": 0}


def test_a_dry_run_keeps_nothing(double: RunningFcmDouble, app: firebase_admin.App) -> None:
    assert messaging.send(messaging.Message(token="a"), dry_run=True, app=app)
    assert messages(double) == []


@pytest.mark.parametrize(
    ("token", "status", "error_code"),
    [
        ("quota-1", 429, "QUOTA_EXCEEDED"),
        ("unavailable-1", 503, "UNAVAILABLE"),
        ("internal-1", 500, "INTERNAL"),
        ("unregistered-1", 404, "UNREGISTERED"),
    ],
)
def test_errors_have_googles_shape(
    double: RunningFcmDouble, account: dict[str, str], token: str, status: int, error_code: str
) -> None:
    headers = {"Authorization": f"Bearer {access_token(account)}"}
    response = httpx.post(double.send_url(PROJECT), json={"message": {"token": token}}, headers=headers)
    assert response.status_code == status
    assert response.headers.get("retry-after") == ("7" if status in {429, 503} else None)
    error = response.json()["error"]
    assert error.keys() == {"code", "message", "status", "details"}
    assert error["code"] == status
    assert error["details"] == [
        {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": error_code}
    ]


def test_quota_twice_is_accepted_at_the_third_try(double: RunningFcmDouble, account: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {access_token(account)}"}
    body = {"message": {"token": "quota-a-twice"}}
    statuses = [httpx.post(double.send_url(PROJECT), json=body, headers=headers).status_code for _ in range(3)]
    assert statuses == [429, 429, 200]


def test_a_bad_body_is_an_invalid_argument(double: RunningFcmDouble, account: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {access_token(account)}"}
    for body in ("no json", "[]", json.dumps({"message": {"token": "a", "data": {"n": 1}}})):
        response = httpx.post(double.send_url(PROJECT), content=body, headers=headers)
        assert (response.status_code, response.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("authorization", [None, "Bearer unknown", "Basic abc"])
def test_a_token_of_another_issuer_is_unauthenticated(double: RunningFcmDouble, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    response = httpx.post(double.send_url(PROJECT), json={"message": {"token": "a"}}, headers=headers)
    assert (response.status_code, response.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_an_assertion_that_is_none_gets_oauths_error(double: RunningFcmDouble) -> None:
    response = httpx.post(double.token_uri, data={"grant_type": GRANT_TYPE, "assertion": "x"})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")


def test_a_slow_device_is_answered_after_the_delay(double: RunningFcmDouble, app: firebase_admin.App) -> None:
    started = time.monotonic()
    messaging.send(messaging.Message(token="slow-1"), app=app)
    assert time.monotonic() - started >= SLOW_S


def test_a_client_that_leaves_a_slow_device_leaves_the_message_unanswered(
    double: RunningFcmDouble, account: dict[str, str], app: firebase_admin.App
) -> None:
    headers = {"Authorization": f"Bearer {access_token(account)}"}
    body = {"message": {"token": "slow-1"}}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(double.send_url(PROJECT), json=body, headers=headers, timeout=httpx.Timeout(5, read=SLOW_S / 4))
    messaging.send(messaging.Message(token="slow-2"), app=app)
    assert [each["answered"] for each in messages(double)] == [False, True]


def test_the_page_loads_nothing_from_elsewhere(double: RunningFcmDouble, app: firebase_admin.App) -> None:
    messaging.send(messaging.Message(token="a"), app=app)
    assert "https://" not in httpx.get(f"{double.url}/").text
    assert httpx.get(f"{double.url}/list").json()["total"] == 1


def test_the_command_serves_until_sigterm() -> None:
    command = [sys.executable, "-m", "offline.doubles.fcm_double", "--port", "0"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready.startswith("fcm double ready: http://127.0.0.1:")
        with httpx.Client(base_url=ready.split()[3]) as client:
            assert client.get("/health").status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=5) == 0
