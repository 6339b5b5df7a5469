"""What a request may be answered besides success: problem documents (RFC 9457), one component a status."""

from http import HTTPStatus

from pydantic import Field

from chalicelib.handlers.answers import ResourceModel
from chalicelib.handlers.contract import AnyContract
from chalicelib.handlers.openapi.headers import answer_headers, shared_headers
from chalicelib.handlers.openapi.schemas import Json, Schemas
from chalicelib.handlers.problems import MEDIA_TYPE, title_of
from chalicelib.handlers.request import NoBody

BODILESS = frozenset({"GET", "DELETE"})


class ProblemError(ResourceModel):
    """One thing that is wrong with the request."""

    pointer: str = Field(description="Where: a JSON pointer (RFC 6901) into the body, or the name of a parameter.")
    detail: str


class Problem(ResourceModel):
    """Why a request was not done (RFC 9457). Programs decide by `code`; `detail` is for people."""

    type: str = Field(json_schema_extra={"format": "uri"})
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    code: str = Field(pattern=r"^[a-z0-9_]+$")
    correlation_id: str
    errors: list[ProblemError] = Field(default_factory=list, min_length=1)


_Sample = tuple[str, str]
"""The code and the detail of an example."""

_SAMPLES: dict[HTTPStatus, _Sample] = {
    HTTPStatus.BAD_REQUEST: ("malformed_json", "The body is not well-formed JSON."),
    HTTPStatus.UNAUTHORIZED: ("unauthenticated", "This needs an access token: Authorization: Bearer …"),
    HTTPStatus.FORBIDDEN: ("insufficient_scope", "The access token lacks the scope users:read."),
    HTTPStatus.NOT_FOUND: ("not_found", "There is no such resource."),
    HTTPStatus.CONFLICT: ("conflict", "The resource's state forbids it."),
    HTTPStatus.PRECONDITION_FAILED: ("precondition_failed", "The resource has changed since it was read."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("body_too_large", "The body has more than 262144 bytes."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (
        "unsupported_media_type",
        "The body must be declared as application/json.",
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: ("invalid_request", "The body breaks a rule of this route."),
    HTTPStatus.TOO_MANY_REQUESTS: ("too_many_requests", "Too many requests."),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("internal_error", "Something went wrong on our side."),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "database_unavailable",
        "A service that this needs is away. Please try again later.",
    ),
}
_OWN_HEADERS: dict[HTTPStatus, tuple[str, ...]] = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
    HTTPStatus.FORBIDDEN: ("WWW-Authenticate",),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After",),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}
_MAY_COME_FIRST = frozenset({HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE})


def statuses_of(contract: AnyContract) -> list[HTTPStatus]:
    """The problem statuses that follow from the route's shape, and those that it adds itself."""
    method = contract.route.partition(" ")[0]
    found = {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.INTERNAL_SERVER_ERROR, *contract.problems}
    if contract.body is not NoBody or method not in BODILESS:
        found |= {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE}
    if contract.access.needs_token:
        found |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    if "{" in contract.route:
        found.add(HTTPStatus.NOT_FOUND)
    if contract.limited:
        found |= {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    return sorted(found - {contract.success.status})


def problem_response(status: HTTPStatus, schemas: Schemas, *, limited: bool) -> Json:
    """The answer of that status."""
    own = answer_headers(*_OWN_HEADERS.get(status, ()))
    if status == HTTPStatus.CONFLICT:
        own = answer_headers("Retry-After", certain=False)
    example = _example(status)
    return {
        "description": f"{title_of(status)}: {example['detail']}",
        "headers": shared_headers(limited=limited, counted=status not in _MAY_COME_FIRST) | own,
        "content": {MEDIA_TYPE: {"schema": schemas.answer(Problem), "example": example}},
    }


def _example(status: HTTPStatus) -> Json:
    code, detail = _SAMPLES[status]
    example: Json = {
        "type": f"urn:carillon:problem:{code}",
        "title": title_of(status),
        "status": int(status),
        "detail": detail,
        "code": code,
        "correlation_id": "order-4711-shipped",
    }
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        example["errors"] = [{"pointer": "/email", "detail": "must have an @-sign"}]
    return example
