"""What an error of firebase-admin means for a delivery: the one place that decides it.

Sources: Firebase, "ErrorCode" and "FCM error codes" (HTTP v1); Google's API guide, "Error model" (google.rpc.Code).
INVALID_ARGUMENT stands for a bad token and for a bad message alike; the documented answers differ in their details. A
bad message comes with a google.rpc.BadRequest that names another field than the token, or without details (too large);
a bad token comes with an FcmError alone, or with a BadRequest that names `message.token`.
"""

import email.utils
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import requests
from firebase_admin import exceptions  # type: ignore[import-untyped]
from google.auth.exceptions import GoogleAuthError, TransportError
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProxyError, SSLError

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
    TransientFailure,
)

MAX_DETAIL_CHARACTERS = 200

_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
_TOKEN_FIELDS = frozenset({"message.token", "message.fid"})

BY_CODE: Mapping[str, type[DeliveryError]] = {
    # FCM's own codes, in details[].errorCode
    "UNREGISTERED": DeviceGone,  # 404: the app is gone, or its token was renewed
    "SENDER_ID_MISMATCH": AddressRejected,  # 403: the token belongs to another project
    "QUOTA_EXCEEDED": MessageDeferred,  # 429: it does not tell whether ours, or this device's; Retry-After is kept
    "THIRD_PARTY_AUTH_ERROR": PlatformMisconfigured,  # 401: our key for APNs or for web push is wrong
    "APNS_AUTH_ERROR": PlatformMisconfigured,  # its name until 2019
    "UNAVAILABLE": ProviderUnavailable,  # 503: overloaded; Retry-After is kept
    "INTERNAL": ProviderUnavailable,  # 500
    "UNSPECIFIED_ERROR": ProviderUnavailable,
    # Google's status, where FCM says nothing of its own
    "UNAUTHENTICATED": ProviderMisconfigured,  # 401: an access token that does not hold, also after a fresh one
    "PERMISSION_DENIED": ProviderMisconfigured,  # 403: the account may not send, or the API is not enabled
    "NOT_FOUND": ProviderMisconfigured,  # 404: no such project
    "FAILED_PRECONDITION": ProviderMisconfigured,
    "RESOURCE_EXHAUSTED": MessageDeferred,
    "ABORTED": ProviderUnavailable,
    "UNKNOWN": ProviderUnavailable,
    "DEADLINE_EXCEEDED": OutcomeUnknown,  # 504: the server behind the server may have taken it
}
"""INVALID_ARGUMENT is not here: its details decide."""

BY_HTTP_STATUS: Mapping[int, type[DeliveryError]] = {
    400: MessageRefused,
    401: ProviderMisconfigured,
    403: ProviderMisconfigured,
    404: ProviderMisconfigured,
    413: MessageRefused,
    429: MessageDeferred,
    500: ProviderUnavailable,
    502: ProviderUnavailable,
    503: ProviderUnavailable,
    504: OutcomeUnknown,
}
"""An answer that has no code: a gateway's page."""

_UNSENT = (ConnectTimeoutError, NewConnectionError)


def translate(error: Exception, *, token: str, provider: str) -> DeliveryError:
    """The delivery error that `error` stands for. It never shows the device's token."""
    if isinstance(error, exceptions.FirebaseError):
        response = error.http_response
        return _of_silence(error, provider) if response is None else _of_answer(response, token, provider)
    if isinstance(error, GoogleAuthError):
        return _of_authentication(error, provider)
    if isinstance(error, ValueError):
        return MessageRefused(_clean(f"not an FCM message: {error}", token), provider=provider)
    return OutcomeUnknown(f"the answer could not be read ({type(error).__name__})", provider=provider)


def _of_authentication(error: GoogleAuthError, provider: str) -> DeliveryError:
    unreachable = isinstance(error, TransportError) or error.retryable
    reason = "no access token could be fetched" if unreachable else "the service account was refused"
    return (ProviderUnavailable if unreachable else ProviderMisconfigured)(reason, provider=provider)


def _of_silence(error: exceptions.FirebaseError, provider: str) -> DeliveryError:
    """No answer at all: only a connection that was never made proves that the message was not taken."""
    cause = error.cause
    inner = cause.args[0] if isinstance(cause, requests.ConnectionError) and cause.args else cause
    reason = inner.reason if isinstance(inner, MaxRetryError) else inner
    if isinstance(reason, ProxyError):
        reason = reason.original_error
    if isinstance(reason, SSLError) and reason.args and isinstance(reason.args[0], ssl.SSLCertVerificationError):
        return ProviderMisconfigured("the server's certificate does not hold", provider=provider)
    if isinstance(reason, _UNSENT):
        return ProviderUnavailable(f"no connection ({type(reason).__name__})", provider=provider)
    return OutcomeUnknown(f"the answer was lost ({type(cause).__name__})", provider=provider)


def _of_answer(response: requests.Response, token: str, provider: str) -> DeliveryError:
    answer = _Answer.read(response)
    detail = _clean(f"{answer.code}: {answer.message}", token)
    kind = _class_of(answer)
    if issubclass(kind, TransientFailure):
        wish_s = retry_after_s(response.headers, now=datetime.now(UTC))
        return kind(detail, provider=provider, provider_code=answer.code, retry_after_s=wish_s)
    return kind(detail, provider=provider, provider_code=answer.code)


def _class_of(answer: "_Answer") -> type[DeliveryError]:
    if answer.code == "INVALID_ARGUMENT":
        return AddressRejected if answer.blames_token else MessageRefused
    otherwise = ProviderUnavailable if answer.http_status >= 500 else MessageRefused
    return BY_CODE.get(answer.code) or BY_HTTP_STATUS.get(answer.http_status, otherwise)


@dataclass(frozen=True, slots=True)
class _Answer:
    """FCM's error body, as far as it has one. `code` is FCM's own, else Google's status, else HTTP's."""

    http_status: int
    code: str
    message: str
    blames_token: bool

    @classmethod
    def read(cls, response: requests.Response) -> "_Answer":
        error = _mapping(_json(response)).get("error")
        body = _mapping(error)
        listed = body.get("details")
        details = [_mapping(each) for each in listed] if isinstance(listed, list) else []
        fcm_codes = [str(each.get("errorCode")) for each in details if each.get("@type") == _FCM_ERROR]
        fields = _violated_fields(details)
        return cls(
            http_status=response.status_code,
            code=fcm_codes[0] if fcm_codes else str(body.get("status") or response.status_code),
            message=str(body.get("message") or "no message"),
            blames_token=bool(fields & _TOKEN_FIELDS) if fields else bool(fcm_codes),
        )


def _violated_fields(details: list[Mapping[str, object]]) -> set[str]:
    violations = (each.get("fieldViolations") for each in details if each.get("@type") == _BAD_REQUEST)
    return {str(_mapping(one).get("field")) for listed in violations if isinstance(listed, list) for one in listed}


def _json(response: requests.Response) -> object:
    try:
        return response.json()
    except requests.exceptions.JSONDecodeError:
        return None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def retry_after_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for: a number or a date (RFC 9110 §10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(value) - now).total_seconds())
    except (TypeError, ValueError):
        return None


def _clean(text: str, token: str) -> str:
    return " ".join(text.replace(token, "[token]").split())[:MAX_DETAIL_CHARACTERS]
