"""The FCM double's moods over plain HTTP."""

import base64
import json
import time
from collections.abc import Iterator

import httpx
import pytest

from offline.doubles.fcm_double import RunningFcmDouble, running_fcm_double
from offline.doubles.fcm_oauth import GRANT_TYPE

RETRY_AFTER_S = 7


@pytest.fixture(scope="module")
def started_double() -> Iterator[RunningFcmDouble]:
    with running_fcm_double(retry_after_s=RETRY_AFTER_S) as double:
        yield double


@pytest.fixture
def double(started_double: RunningFcmDouble) -> Iterator[RunningFcmDouble]:
    """The module's double, emptied and in the normal mood."""
    httpx.delete(f"{started_double.url}/messages").raise_for_status()
    yield started_double
    feel(started_double, "normal")


@pytest.fixture(scope="module")
def token(started_double: RunningFcmDouble) -> str:
    now_s = int(time.time())
    claims = {"iss": "a", "aud": "b", "scope": "c", "iat": now_s, "exp": now_s + 600}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({"alg": "RS256"}, claims)]
    form = {"grant_type": GRANT_TYPE, "assertion": ".".join([*parts, "signature"])}
    return str(httpx.post(started_double.token_uri, data=form).json()["access_token"])


def feel(double: RunningFcmDouble, mode: str, **more: float) -> None:
    answer = httpx.put(f"{double.url}/mood", json={"mode": mode, **more})
    assert answer.status_code == 200, answer.text


def send(double: RunningFcmDouble, token: str) -> httpx.Response:
    body = {"message": {"token": "device-1", "data": {"a": "b"}}}
    return httpx.post(double.send_url("p"), json=body, headers={"Authorization": f"Bearer {token}"}, timeout=5)


def answered(double: RunningFcmDouble) -> list[bool]:
    return [each["answered"] for each in httpx.get(f"{double.url}/messages").json()]


def test_a_slow_double_keeps_a_message_and_answers_later(double: RunningFcmDouble, token: str) -> None:
    feel(double, "slow", after_s=0.3)
    began_s = time.monotonic()
    assert send(double, token).status_code == 200
    assert time.monotonic() - began_s >= 0.3
    assert answered(double) == [True]


def test_a_refusing_double_keeps_nothing_and_says_when_to_come_back(double: RunningFcmDouble, token: str) -> None:
    feel(double, "refusing")
    answer = send(double, token)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == str(RETRY_AFTER_S)
    assert answer.json()["error"]["status"] == "UNAVAILABLE"
    assert answered(double) == []


def test_a_misconfigured_double_refuses_a_good_token(double: RunningFcmDouble, token: str) -> None:
    feel(double, "misconfigured")
    assert send(double, token).status_code == 401
    feel(double, "normal")
    assert send(double, token).status_code == 200


@pytest.mark.parametrize("mode", ["half_closing", "accepts_then_drops"])
def test_a_message_is_kept_and_its_answer_never_comes(double: RunningFcmDouble, token: str, mode: str) -> None:
    feel(double, mode)
    with pytest.raises(httpx.RemoteProtocolError):
        send(double, token)
    assert answered(double) == [False]


def test_a_trickling_double_takes_its_time_for_every_byte(double: RunningFcmDouble, token: str) -> None:
    feel(double, "trickling", after_s=0.01)
    began_s = time.monotonic()
    answer = send(double, token)
    assert time.monotonic() - began_s >= 0.01 * len(answer.content)
    assert answer.json()["name"].startswith("projects/p/messages/")
    assert answered(double) == [True]


def test_who_leaves_a_trickling_double_leaves_an_unanswered_message(double: RunningFcmDouble, token: str) -> None:
    feel(double, "trickling", after_s=1)
    body = {"message": {"token": "device-1", "data": {"a": "b"}}}
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.stream("POST", double.send_url("p"), json=body, headers=headers, timeout=5) as answer:
        assert answer.status_code == 200
    assert answered(double) == [False]
