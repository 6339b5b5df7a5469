"""What a view answers, and how it leaves for the gateway: JSON, with the security headers on every answer."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus

from chalice.app import Response
from pydantic import BaseModel, ConfigDict

from chalicelib.domain.rate import Standing

JSON = "application/json"

SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

CORS_EXPOSED = ", ".join(
    (
        *("ETag", "Location", "Idempotent-Replayed", "Retry-After", "WWW-Authenticate", "X-Correlation-ID"),
        *("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
    )
)
CORS_REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-Match, X-Correlation-ID"
PREFLIGHT_MAX_AGE_S = 7200
"""For how long a browser need not ask again; Chromium's own bound."""

Resource = Mapping[str, object]
"""A JSON object, ready to be written: no type that JSON does not know."""


class ResourceModel(BaseModel):
    """The base of everything that is answered: its schema is the one in OpenAPI. Moments are aware, and in UTC."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body or none, and the headers that are this answer's own. A text is sent as it is."""

    status: HTTPStatus
    body: ResourceModel | Resource | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = JSON

    def below(self, mount: str) -> "Answer":
        """The same answer for callers who reach our paths below `mount`: a Location is a path on their host."""
        location = self.headers.get("Location")
        return self if location is None else replace(self, headers={**self.headers, "Location": f"{mount}{location}"})


def ok(body: ResourceModel | Resource, *, revision: int | None = None) -> Answer:
    """200, with the resource's ETag when it has revisions."""
    return Answer(HTTPStatus.OK, body, etag(revision))


def created(body: ResourceModel | Resource, *, location: str, revision: int | None = None) -> Answer:
    """201 with where the resource is, and its ETag when it has revisions."""
    return Answer(HTTPStatus.CREATED, body, {"Location": location} | etag(revision))


def etag(revision: int | None) -> dict[str, str]:
    """The strong entity tag of a revision (RFC 9110 §8.8.3)."""
    return {} if revision is None else {"ETag": f'"{revision}"'}


def no_content() -> Answer:
    return Answer(HTTPStatus.NO_CONTENT)


def timestamp(moment: datetime | None) -> str | None:
    """A moment as the interface writes it: ISO 8601 in UTC, ending in Z."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def rate_headers(standing: Standing | None) -> dict[str, str]:
    """Where the caller stands; nothing on a route that is not limited."""
    if standing is None:
        return {}
    return {
        "RateLimit-Limit": str(standing.limit),
        "RateLimit-Remaining": str(standing.remaining),
        "RateLimit-Reset": str(standing.reset_s),
    }


def cors_headers(origin: str | None, *, allowed: frozenset[str]) -> dict[str, str]:
    """What lets a browser of an allowed origin read the answer; caches keep the answers to each origin apart."""
    if not allowed:
        return {}
    vary = {"Vary": "Origin"}
    if origin not in allowed or origin is None:
        return vary
    return {**vary, "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": CORS_EXPOSED}


def preflight_headers(origin: str | None, *, methods: Iterable[str], allowed: frozenset[str]) -> dict[str, str]:
    """What an allowed origin is told before it asks (Fetch, "CORS-preflight request"); nothing for any other."""
    if origin not in allowed:
        return {}
    return {
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": CORS_REQUEST_HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_MAX_AGE_S),
    }


def written(answer: Answer) -> Answer:
    """The same answer with its body as the text that is sent."""
    return answer if answer.body is None else replace(answer, body=_text(answer.body))


def to_gateway(answer: Answer, *, shared: Mapping[str, str], correlation_id: str, has_body: bool) -> Response:
    """A written answer for API Gateway. What the answer itself says of a header goes before what all answers say.

    `has_body` is false for HEAD: the same headers, and nothing else.
    """
    headers: dict[str, str | list[str]] = {
        **({} if answer.body is None else {"Content-Type": answer.media_type}),
        "X-Correlation-ID": correlation_id,
        **SECURITY_HEADERS,
        **shared,
        **answer.headers,
    }
    body = _text(answer.body) if has_body and answer.body is not None else ""
    return Response(body=body, headers=headers, status_code=int(answer.status))


def _text(body: ResourceModel | Resource | str) -> str:
    match body:
        case str():
            return body
        case ResourceModel():
            return body.model_dump_json()
        case _:
            return json.dumps(body, separators=(",", ":"))
