"""What a view answers, and how it leaves for the gateway: JSON, with the security headers on every answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

from chalice.app import Response

JSON = "application/json"

SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Resource = Mapping[str, object]
"""A JSON object, ready to be written: no type that JSON does not know."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a JSON body or none, and the headers that are this answer's own."""

    status: HTTPStatus
    body: Resource | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON


def ok(body: Resource) -> Answer:
    return Answer(HTTPStatus.OK, body)


def created(body: Resource, *, location: str, revision: int | None = None) -> Answer:
    """201 with where the resource is, and its ETag when it has revisions."""
    etag = {} if revision is None else {"ETag": f'"{revision}"'}
    return Answer(HTTPStatus.CREATED, body, {"Location": location} | etag)


def no_content() -> Answer:
    return Answer(HTTPStatus.NO_CONTENT)


def timestamp(moment: datetime | None) -> str | None:
    """A moment as the interface writes it: ISO 8601 in UTC, ending in Z."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_gateway(answer: Answer, *, correlation_id: str, has_body: bool) -> Response:
    """The answer for API Gateway. `has_body` is false for HEAD: the same headers, and nothing else."""
    headers: dict[str, str | list[str]] = {
        **({} if answer.body is None else {"Content-Type": answer.media_type}),
        "X-Correlation-ID": correlation_id,
        **SECURITY_HEADERS,
        **answer.headers,
    }
    body = "" if answer.body is None or not has_body else json.dumps(answer.body, separators=(",", ":"))
    return Response(body=body, headers=headers, status_code=int(answer.status))
