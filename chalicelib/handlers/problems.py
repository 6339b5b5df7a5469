"""Errors as problem+json (RFC 9457): the only place that knows which class has which HTTP status."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from chalicelib import errors
from chalicelib.handlers.answers import Answer

MEDIA_TYPE = "application/problem+json"

_STATUSES: Mapping[type[errors.CarillonError], HTTPStatus] = {
    errors.MalformedRequest: HTTPStatus.BAD_REQUEST,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.RequestInProgress: HTTPStatus.CONFLICT,
    errors.PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    errors.TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    errors.BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnsupportedMediaType: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.DependencyUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

# Python 3.13 took the words of RFC 9110, "Content Too Large" and "Unprocessable Content"
_TITLES = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Request Entity Too Large",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Unprocessable Entity",
}

# RFC 6750 §3: what the token lacks is told only to a caller who gave one
_CHALLENGES = {
    "invalid_token": 'Bearer error="invalid_token"',
    "insufficient_scope": 'Bearer error="insufficient_scope"',
}


def status_of(error: Exception) -> HTTPStatus:
    """The status of the error's class, or of the nearest class above it; 500 for what nobody foresaw."""
    known = (_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)
    return next(known, HTTPStatus.INTERNAL_SERVER_ERROR)


def title_of(status: HTTPStatus) -> str:
    """Its phrase, the same on every version of Python: RFC 9457 §3.1.3 wants titles that do not change."""
    return _TITLES.get(status, status.phrase)


def problem_of(error: Exception, *, correlation_id: str) -> Answer:
    """The answer to an error. A status of 500 or more says nothing of what happened inside."""
    status = status_of(error)
    if isinstance(error, errors.RequestRefused):
        code, detail, flaws = error.problem_code, error.detail, error.flaws
    elif isinstance(error, errors.DependencyUnavailable):
        code, detail, flaws = error.code, "A service that this needs is away. Please try again later.", ()
    else:
        code, detail, flaws = errors.CarillonError.code, "Something went wrong on our side.", ()
    body: dict[str, object] = {
        "type": f"urn:carillon:problem:{code}",
        "title": title_of(status),
        "status": int(status),
        "detail": detail,
        "code": code,
        "correlation_id": correlation_id,
    }
    return Answer(status, {**body, **_listed(flaws)}, _headers(error, code), media_type=MEDIA_TYPE)


def _listed(flaws: Sequence[errors.Flaw]) -> Mapping[str, object]:
    return {"errors": [{"pointer": flaw.pointer, "detail": flaw.detail} for flaw in flaws]} if flaws else {}


def _headers(error: Exception, code: str) -> Mapping[str, str]:
    match error:
        case errors.Unauthenticated() | errors.Forbidden():
            return {"WWW-Authenticate": _CHALLENGES.get(code, "Bearer")}
        case (
            errors.RequestInProgress(retry_after_s=delay_s)
            | errors.TooManyRequests(retry_after_s=delay_s)
            | errors.DependencyUnavailable(retry_after_s=delay_s)
        ):
            return {"Retry-After": str(delay_s)}
        case _:
            return {}
