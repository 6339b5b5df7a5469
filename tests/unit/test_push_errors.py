"""What FCM's documented errors mean. The bodies are those of Firebase's reference."""

import json
from datetime import UTC, datetime

import pytest
import requests
from firebase_admin import exceptions, messaging  # type: ignore[import-untyped]
from google.auth.exceptions import RefreshError, TransportError

from chalicelib.channels.push.fcm_errors import retry_after_s, translate
from chalicelib.errors import (
    AddressRejected,
    DeliveryError,
    DeviceGone,
    MessageDeferred,
    MessageRefused,
    OutcomeUnknown,
    PlatformMisconfigured,
    ProviderMisconfigured,
    ProviderUnavailable,
)

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
TOKEN = "device-token-1"


def response(http_status: int, body: object, headers: dict[str, str] | None = None) -> requests.Response:
    made = requests.Response()
    made.status_code = http_status
    made._content = json.dumps(body).encode()
    made.headers.update(headers or {})
    return made


def fcm_code(code: str) -> dict[str, object]:
    return {"@type": FCM_ERROR, "errorCode": code}


def violation(field: str) -> dict[str, object]:
    return {"@type": BAD_REQUEST, "fieldViolations": [{"field": field, "description": "bad"}]}


def meaning(
    kind: type[Exception], http_status: int, status: str, *details: object, headers: dict[str, str] | None = None
) -> DeliveryError:
    body = {"error": {"code": http_status, "status": status, "message": f"about {TOKEN}", "details": list(details)}}
    error = kind("message", cause=None, http_response=response(http_status, body, headers))  # type: ignore[call-arg]
    return translate(error, token=TOKEN, provider="fcm")


@pytest.mark.parametrize(
    ("kind", "http_status", "status", "code", "expected"),
    [
        (messaging.UnregisteredError, 404, "NOT_FOUND", "UNREGISTERED", DeviceGone),
        (messaging.SenderIdMismatchError, 403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", AddressRejected),
        (messaging.QuotaExceededError, 429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", MessageDeferred),
        (exceptions.UnavailableError, 503, "UNAVAILABLE", "UNAVAILABLE", ProviderUnavailable),
        (exceptions.InternalError, 500, "INTERNAL", "INTERNAL", ProviderUnavailable),
        (messaging.ThirdPartyAuthError, 401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", PlatformMisconfigured),
    ],
)
def test_fcm_s_own_codes_are_told_apart(
    kind: type[Exception], http_status: int, status: str, code: str, expected: type[DeliveryError]
) -> None:
    failure = meaning(kind, http_status, status, fcm_code(code))
    assert type(failure) is expected
    assert failure.provider_code == code


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ([fcm_code("INVALID_ARGUMENT")], AddressRejected),
        ([fcm_code("INVALID_ARGUMENT"), violation("message.token")], AddressRejected),
        ([violation("message.data[0].value")], MessageRefused),
        ([violation("message.android.ttl"), fcm_code("INVALID_ARGUMENT")], MessageRefused),
        ([], MessageRefused),
    ],
)
def test_a_bad_token_and_a_bad_message_share_a_code_and_differ_in_details(
    details: list[object], expected: type[DeliveryError]
) -> None:
    assert type(meaning(exceptions.InvalidArgumentError, 400, "INVALID_ARGUMENT", *details)) is expected


@pytest.mark.parametrize(
    ("kind", "http_status", "status"),
    [
        (exceptions.UnauthenticatedError, 401, "UNAUTHENTICATED"),
        (exceptions.PermissionDeniedError, 403, "PERMISSION_DENIED"),
        (exceptions.NotFoundError, 404, "NOT_FOUND"),
    ],
)
def test_an_account_or_project_that_is_wrong_blames_no_device(
    kind: type[Exception], http_status: int, status: str
) -> None:
    assert type(meaning(kind, http_status, status)) is ProviderMisconfigured


def test_a_gateway_s_page_instead_of_json_is_an_unavailable_provider() -> None:
    error = exceptions.UnknownError("bad", cause=None, http_response=response(502, "<html>"))
    failure = translate(error, token=TOKEN, provider="fcm")
    assert (type(failure), failure.provider_code) == (ProviderUnavailable, "502")


def test_a_provider_s_wish_to_wait_is_kept() -> None:
    failure = meaning(exceptions.UnavailableError, 503, "UNAVAILABLE", headers={"Retry-After": "17"})
    assert isinstance(failure, ProviderUnavailable)
    assert failure.retry_after_s == 17


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("Sun, 22 Nov 2026 12:00:30", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(value: str, seconds: float | None) -> None:
    now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert retry_after_s({"Retry-After": value}, now=now) == seconds


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TransportError("no route"), ProviderUnavailable),  # type: ignore[no-untyped-call]
        (RefreshError("invalid_grant"), ProviderMisconfigured),  # type: ignore[no-untyped-call]
        (RefreshError("busy", retryable=True), ProviderUnavailable),  # type: ignore[no-untyped-call]
        (ValueError("title must be a string"), MessageRefused),
        (KeyError("name"), OutcomeUnknown),
        (exceptions.DeadlineExceededError("late", cause=requests.ReadTimeout()), OutcomeUnknown),
        (exceptions.UnavailableError("lost", cause=requests.ConnectionError("reset")), OutcomeUnknown),
    ],
)
def test_errors_without_an_answer_say_whether_the_message_can_have_been_taken(
    error: Exception, expected: type[DeliveryError]
) -> None:
    assert type(translate(error, token=TOKEN, provider="fcm")) is expected


def test_no_detail_shows_the_device_s_token() -> None:
    assert TOKEN not in meaning(exceptions.InternalError, 500, "INTERNAL").detail
