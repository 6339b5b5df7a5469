"""Which messages FCM's double refuses, and which access tokens it gives."""

import base64
import json
from typing import Any, cast

import pytest

from offline.doubles.fcm_errors import FcmAnswer
from offline.doubles.fcm_oauth import GRANT_TYPE, TOKEN_LIFE_S, AccessTokens, AssertionRefused
from offline.doubles.fcm_schema import refuse_request
from offline.doubles.fcm_scripts import Devices

NOW_S = 1_767_225_600.0


def request_with(**message: object) -> dict[str, object]:
    return {"message": {"token": "t", **message}}


def codes(refusal: FcmAnswer | None) -> list[str]:
    """FCM's error codes in a refusal."""
    assert refusal is not None
    error = cast(dict[str, Any], refusal.to_json()["error"])
    return [detail["errorCode"] for detail in error["details"] if "errorCode" in detail]


@pytest.mark.parametrize(
    "request_body",
    [
        request_with(notification={"title": "t", "body": "b", "image": None}),
        request_with(data={"a": "1"}, fcm_options={"analytics_label": "x"}),
        request_with(android={"priority": "high", "ttl": "3.5s", "notification": {"channel_id": "c", "sticky": True}}),
        request_with(android={"notification": {"notificationPriority": "PRIORITY_HIGH"}}),
        request_with(android={"notification": {"eventTime": "2026-01-01T00:00:00Z"}}),
        request_with(apns={"headers": {"apns-priority": "10"}, "payload": {"aps": {"badge": 1}, "mine": [1]}}),
        request_with(webpush={"notification": {"actions": []}, "fcm_options": {"link": "https://a.test"}}),
        {"message": {"topic": "news"}, "validateOnly": True},
    ],
)  # fmt: skip
def test_a_documented_message_is_accepted(request_body: object) -> None:
    assert refuse_request(request_body) is None


@pytest.mark.parametrize(
    ("request_body", "field"),
    [
        ([], ""),
        ({}, "message"),
        ({"message": {"notification": {"title": "t"}}}, "message"),
        (request_with(topic="also"), "message"),
        (request_with(colour="red"), "message"),
        (request_with(data={"a": "1", "b": 2}), "message.data[1].value"),
        (request_with(notification={"title": 1}), "message.notification.title"),
        (request_with(android={"ttl": 3600}), "message.android.ttl"),
        (request_with(android={"priority": "urgent"}), "message.android.priority"),
        (request_with(android={"notification": {"body_loc_args": 1}}), "message.android.notification.body_loc_args"),
        (request_with(android={"notification": {"ticker": 1}}), "message.android.notification.ticker"),
        (request_with(apns={"payload": "aps"}), "message.apns.payload"),
        (request_with(data={"google.a": "1"}), "message.data"),
        (request_with(data={"a": "x" * 4096}), "message"),
    ],
)  # fmt: skip
def test_what_breaks_the_schema_is_an_invalid_argument_at_its_field(request_body: object, field: str) -> None:
    refusal = refuse_request(request_body)
    assert refusal is not None
    assert (refusal.http_status, refusal.status) == (400, "INVALID_ARGUMENT")
    violations = cast(list[dict[str, str]], refusal.details[0]["fieldViolations"])
    assert violations[0]["field"] == field


@pytest.mark.parametrize(
    ("token", "http_status", "error_code", "retry_after"),
    [
        ("unregistered-1", 404, "UNREGISTERED", False),
        ("invalid-1", 400, "INVALID_ARGUMENT", False),
        ("quota-1", 429, "QUOTA_EXCEEDED", True),
        ("unavailable-1", 503, "UNAVAILABLE", True),
        ("internal-1", 500, "INTERNAL", False),
        ("sender-mismatch-1", 403, "SENDER_ID_MISMATCH", False),
    ],
)
def test_a_scripted_token_gets_its_documented_error(
    token: str, http_status: int, error_code: str, retry_after: bool
) -> None:
    refusal = Devices().refuse(token)
    assert codes(refusal) == [error_code]
    assert refusal is not None
    assert (refusal.http_status, refusal.retry_after) == (http_status, retry_after)


@pytest.mark.parametrize("begin", ["quota", "unavailable"])
def test_a_token_that_ends_in_twice_is_refused_twice(begin: str) -> None:
    devices = Devices()
    assert [devices.refuse(f"{begin}-a-twice") is None for _ in range(4)] == [False, False, True, True]
    devices.reset()
    assert devices.refuse(f"{begin}-a-twice") is not None
    assert all(devices.refuse(f"{begin}-a") is not None for _ in range(4))


def assertion(*, algorithm: str = "RS256", **claims: object) -> str:
    """A JWT with a good service account's claims, some of them changed; the signature is of no account."""
    good = {"iss": "a@b.test", "aud": "http://x/token", "scope": "s", "iat": NOW_S - 1, "exp": NOW_S + 3600}
    segments = [{"alg": algorithm, "typ": "JWT"}, {key: value for key, value in (good | claims).items() if value}]
    encoded = [base64.urlsafe_b64encode(json.dumps(segment).encode()).rstrip(b"=").decode() for segment in segments]
    return ".".join([*encoded, "c2ln"])


def test_an_access_token_is_good_until_it_expires() -> None:
    clock = [NOW_S]
    tokens = AccessTokens(clock_s=lambda: clock[0])
    token = tokens.exchange({"grant_type": GRANT_TYPE, "assertion": assertion()})
    assert tokens.accepts(f"Bearer {token}")
    assert not tokens.accepts(f"Basic {token}")
    assert not tokens.accepts("Bearer other")
    assert not tokens.accepts(None)
    clock[0] += TOKEN_LIFE_S
    assert not tokens.accepts(f"Bearer {token}")


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "password", "assertion": assertion()},
        {"grant_type": GRANT_TYPE},
        {"grant_type": GRANT_TYPE, "assertion": "a.b.c"},
        {"grant_type": GRANT_TYPE, "assertion": "é.é.é"},
        {"grant_type": GRANT_TYPE, "assertion": assertion().rpartition(".")[0] + "."},
        {"grant_type": GRANT_TYPE, "assertion": assertion(algorithm="none")},
        {"grant_type": GRANT_TYPE, "assertion": assertion(iss=None)},
        {"grant_type": GRANT_TYPE, "assertion": assertion(scope=None)},
        {"grant_type": GRANT_TYPE, "assertion": assertion(exp=NOW_S - 3600)},
        {"grant_type": GRANT_TYPE, "assertion": assertion(iat=NOW_S + 3600)},
    ],
)
def test_a_malformed_or_expired_assertion_is_refused(form: dict[str, object]) -> None:
    with pytest.raises(AssertionRefused):
        AccessTokens(clock_s=lambda: NOW_S).exchange(form)
