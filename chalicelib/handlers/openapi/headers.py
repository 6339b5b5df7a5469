"""Headers of requests and answers, each described once."""

from chalicelib.handlers.answers import SECURITY_HEADERS
from chalicelib.handlers.openapi.schemas import Json

CORRELATION_ID = "X-Correlation-ID"
RATE = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_COUNT: Json = {"type": "integer", "minimum": 0}

REQUEST_HEADERS: dict[str, Json] = {
    CORRELATION_ID: {
        "description": "Follows the request through every log line, event and provider call, and comes back. "
        "8 to 128 letters, digits, dots, underscores and hyphens; anything else is replaced.",
        "schema": {"type": "string"},
        "example": "order-4711-shipped",
    },
    "Idempotency-Key": {
        "description": "Makes a repetition harmless for 24 hours: the same key and body get the same answer again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
        "example": "order-4711",
    },
    "If-Match": {
        "description": "Act only if the resource still has this entity tag (RFC 9110 §13.1.1); otherwise 412.",
        "schema": {"type": "string"},
        "example": '"3"',
    },
}

_ANSWER_HEADERS: dict[str, Json] = {
    CORRELATION_ID: {
        "description": "The request's own, or a new one.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{8,128}$"},
        "example": "order-4711-shipped",
    },
    "RateLimit-Limit": {
        "description": "How many requests the caller has in a window.",
        "schema": _COUNT,
        "example": 6000,
    },
    "RateLimit-Remaining": {"description": "How many of them are left.", "schema": _COUNT, "example": 5999},
    "RateLimit-Reset": {"description": "Seconds until the window ends.", "schema": _COUNT, "example": 42},
    "Location": {
        "description": "Where the resource is.",
        "schema": {"type": "string", "format": "uri-reference"},
        "example": "/v1/users/0195fd7c-6e6b-7c4e-9a52-0d9d2b8f5a11",
    },
    "ETag": {
        "description": "The entity tag of this state of the resource, for If-Match.",
        "schema": {"type": "string", "pattern": '^"[^"]*"$'},
        "example": '"3"',
    },
    "Idempotent-Replayed": {
        "description": "`true` when this is the answer that an earlier request with this key got.",
        "schema": {"type": "string", "const": "true"},
        "example": "true",
    },
    "Retry-After": {"description": "Seconds after which trying again makes sense.", "schema": _COUNT, "example": 5},
    "WWW-Authenticate": {
        "description": "What is wrong with the token (RFC 6750).",
        "schema": {"type": "string", "pattern": "^Bearer"},
        "example": 'Bearer error="invalid_token"',
    },
    "Allow": {
        "description": "The methods that the resource has.",
        "schema": {"type": "string"},
        "example": "GET, HEAD",
    },
}
_ANSWER_HEADERS |= {
    name: {"description": "A security header.", "schema": {"type": "string"}, "example": value}
    for name, value in SECURITY_HEADERS.items()
}
_OPTIONAL = frozenset({"Idempotent-Replayed"})


def request_header(name: str) -> Json:
    """A header parameter of an operation."""
    return {"name": name, "in": "header", "required": False, **REQUEST_HEADERS[name]}


def header_components() -> Json:
    """Every header that an answer may have: always there under its own name, and as `…-Optional` where it may miss."""
    certain = {name: {**header, "required": True} for name, header in _ANSWER_HEADERS.items()}
    return certain | {f"{name}-Optional": {**header, "required": False} for name, header in _ANSWER_HEADERS.items()}


def answer_headers(*names: str, certain: bool = True) -> Json:
    """The headers of one answer, by reference."""
    return {name: {"$ref": f"#/components/headers/{_key(name, certain=certain)}"} for name in names}


def shared_headers(*, limited: bool, counted: bool = True) -> Json:
    """The headers of every answer. `counted` is false for an answer that may come before the request is counted."""
    shared = answer_headers(CORRELATION_ID, *SECURITY_HEADERS)
    return shared | (answer_headers(*RATE, certain=counted) if limited else {})


def _key(name: str, *, certain: bool) -> str:
    return name if certain and name not in _OPTIONAL else f"{name}-Optional"
