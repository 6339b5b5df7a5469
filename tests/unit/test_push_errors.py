"""What FCM's documented errors mean. The bodies are those of Firebase's reference."""

import json
import ssl
from datetime import UTC, datetime

import pytest
import requests
from firebase_admin import exceptions  # type: ignore[import-untyped]
from google.auth.exceptions import RefreshError, TransportError
from urllib3 import HTTPSConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProxyError, SSLError

from chalicelib.channels.push.fcm_errors import BY_CODE, BY_HTTP_STATUS, retry_after_s, translate
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


def _tls_error(error: ssl.SSLError) -> requests.exceptions.SSLError:
    pool = HTTPSConnectionPool("fcm.invalid")
    return requests.exceptions.SSLError(MaxRetryError(pool, "/", SSLError(error)))


def _unconnected() -> NewConnectionError:
    return NewConnectionError(HTTPConnection("fcm.invalid"), "refused")


def _proxy_error(error: Exception) -> requests.exceptions.ProxyError:
    pool = HTTPSConnectionPool("fcm.invalid")
    return requests.exceptions.ProxyError(MaxRetryError(pool, "/", ProxyError("no proxy", error)))


def fcm_code(code: str) -> dict[str, object]:
    return {"@type": FCM_ERROR, "errorCode": code}


def violation(field: str) -> dict[str, object]:
    return {"@type": BAD_REQUEST, "fieldViolations": [{"field": field, "description": "bad"}]}


def meaning(http_status: int, status: str, *details: object, headers: dict[str, str] | None = None) -> DeliveryError:
    body = {"error": {"code": http_status, "status": status, "message": f"about {TOKEN}", "details": list(details)}}
    return _translated(response(http_status, body, headers))


def _translated(answer: requests.Response) -> DeliveryError:
    """As firebase-admin raises it; of which class is its own affair."""
    error = exceptions.UnknownError("message", cause=None, http_response=answer)
    return translate(error, token=TOKEN, provider="fcm")


OWN_CODES: list[tuple[int, str, str, type[DeliveryError]]] = [
    (404, "NOT_FOUND", "UNREGISTERED", DeviceGone),
    (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", AddressRejected),
    (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", MessageDeferred),
    (401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR", PlatformMisconfigured),
    (401, "UNAUTHENTICATED", "APNS_AUTH_ERROR", PlatformMisconfigured),
    (503, "UNAVAILABLE", "UNAVAILABLE", ProviderUnavailable),
    (500, "INTERNAL", "INTERNAL", ProviderUnavailable),
    (500, "UNKNOWN", "UNSPECIFIED_ERROR", ProviderUnavailable),
    (400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", AddressRejected),
]
STATUSES: list[tuple[int, str, type[DeliveryError]]] = [
    (400, "FAILED_PRECONDITION", ProviderMisconfigured),
    (401, "UNAUTHENTICATED", ProviderMisconfigured),
    (403, "PERMISSION_DENIED", ProviderMisconfigured),
    (404, "NOT_FOUND", ProviderMisconfigured),
    (409, "ABORTED", ProviderUnavailable),
    (429, "RESOURCE_EXHAUSTED", MessageDeferred),
    (500, "INTERNAL", ProviderUnavailable),
    (500, "UNKNOWN", ProviderUnavailable),
    (503, "UNAVAILABLE", ProviderUnavailable),
    (504, "DEADLINE_EXCEEDED", OutcomeUnknown),
]


@pytest.mark.parametrize(("http_status", "status", "code", "expected"), OWN_CODES)
def test_fcm_s_own_codes_are_told_apart(
    http_status: int, status: str, code: str, expected: type[DeliveryError]
) -> None:
    failure = meaning(http_status, status, fcm_code(code))
    assert type(failure) is expected
    assert failure.provider_code == code


@pytest.mark.parametrize(("http_status", "status", "expected"), STATUSES)
def test_where_fcm_says_nothing_of_its_own_google_s_status_decides_and_blames_no_device(
    http_status: int, status: str, expected: type[DeliveryError]
) -> None:
    failure = meaning(http_status, status)
    assert type(failure) is expected
    assert failure.provider_code == status


def test_every_code_of_the_table_is_tried() -> None:
    assert set(BY_CODE) <= {code for _, _, code, _ in OWN_CODES} | {status for _, status, _ in STATUSES}


@pytest.mark.parametrize(
    ("http_status", "expected"), [*BY_HTTP_STATUS.items(), (418, MessageRefused), (599, ProviderUnavailable)]
)
def test_a_gateway_s_page_instead_of_json_is_judged_by_its_status(
    http_status: int, expected: type[DeliveryError]
) -> None:
    failure = _translated(response(http_status, "<html>"))
    assert (type(failure), failure.provider_code) == (expected, str(http_status))


@pytest.mark.parametrize("status", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_a_provider_s_wish_to_wait_is_kept(status: str) -> None:
    failure = meaning(503, status, headers={"Retry-After": "17"})
    assert isinstance(failure, ProviderUnavailable)
    assert failure.retry_after_s == 17


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
    assert type(meaning(400, "INVALID_ARGUMENT", *details)) is expected


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
        (exceptions.UnavailableError("lost", cause=_tls_error(ssl.SSLEOFError("eof"))), OutcomeUnknown),
        (exceptions.UnavailableError("no", cause=_proxy_error(_unconnected())), ProviderUnavailable),
        (exceptions.UnavailableError("no", cause=_proxy_error(OSError("reset"))), OutcomeUnknown),
        (
            exceptions.UnavailableError("no", cause=_tls_error(ssl.SSLCertVerificationError("expired"))),
            ProviderMisconfigured,
        ),
    ],
)
def test_errors_without_an_answer_say_whether_the_message_can_have_been_taken(
    error: Exception, expected: type[DeliveryError]
) -> None:
    assert type(translate(error, token=TOKEN, provider="fcm")) is expected


def test_no_detail_shows_the_device_s_token() -> None:
    assert TOKEN not in meaning(500, "INTERNAL").detail
