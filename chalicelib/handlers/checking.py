"""The checks between the gateway and a view: token, scope, query, size, media type, JSON and shape."""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Protocol

import chalice.app
from pydantic import JsonValue

from chalicelib.domain.principal import Principal, Scope
from chalicelib.errors import BodyTooLarge, Forbidden, MalformedRequest, Unauthenticated, UnsupportedMediaType
from chalicelib.handlers.answers import JSON
from chalicelib.handlers.parsing import decode_segment, parse_json, parse_model, parse_query
from chalicelib.handlers.request import BodyT, NoBody, QueryT, Request

MAX_BODY_BYTES = 256 * 1024
_BODILESS = frozenset({"GET", "HEAD", "DELETE"})


class Verifier(Protocol):
    """Tells who a bearer token speaks for. Raises: Unauthenticated."""

    def verify(self, token: str, *, at: datetime) -> Principal: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract(Generic[BodyT, QueryT]):
    """What a route asks of a request. A scope of None means: no token is needed, and none is looked at."""

    route: str
    scope: Scope | None
    body: type[BodyT]
    query: type[QueryT]
    max_body_bytes: int = MAX_BODY_BYTES


def require_scope(header: str | None, scope: Scope, *, tokens: Verifier) -> Principal:
    """Who the Authorization header speaks for.

    Raises:
        Unauthenticated: there is no bearer token, or it does not hold.
        Forbidden: it holds, and lacks the scope.
    """
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("This needs an access token: Authorization: Bearer …")
    principal = tokens.verify(token.strip(), at=datetime.now(UTC))
    if not principal.may(scope):
        raise Forbidden(f"The access token lacks the scope {scope}.", code="insufficient_scope")
    return principal


def check_request(
    raw: chalice.app.Request,
    segments: Mapping[str, str],
    *,
    contract: Contract[BodyT, QueryT],
    caller: Principal | None,
    correlation_id: str,
) -> Request[BodyT, QueryT]:
    """The request as its view may see it.

    Raises:
        RequestRefused: of the class that tells which check failed.
    """
    query = parse_query(contract.query, _parameters(raw))
    parsed, content = _read_json(raw, contract)
    return Request(
        route=contract.route,
        caller=caller,
        body=parse_model(contract.body, parsed, content),
        query=query,
        parsed=parsed,
        headers=raw.headers,
        path={name: decode_segment(segment) for name, segment in segments.items()},
        correlation_id=correlation_id,
    )


def _parameters(raw: chalice.app.Request) -> dict[str, list[str]]:
    return {} if raw.query_params is None else {name: raw.query_params.getlist(name) for name in raw.query_params}


def _read_json(raw: chalice.app.Request, contract: Contract[BodyT, QueryT]) -> tuple[JsonValue, bytes]:
    """The parsed body and its bytes. Without a body, a route that takes none is given `{}`."""
    content = _content(raw)
    if len(content) > contract.max_body_bytes:
        raise BodyTooLarge(f"The body has more than {contract.max_body_bytes} bytes.")
    if contract.body is NoBody and (not content or raw.method in _BODILESS):
        return {}, b"{}"
    media_type = raw.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON:
        raise UnsupportedMediaType(f"The body must be declared as {JSON}.")
    return parse_json(content), content


def _content(raw: chalice.app.Request) -> bytes:
    try:
        content = raw.raw_body
    except (binascii.Error, UnicodeError):
        raise MalformedRequest("The body cannot be read.") from None
    return content.encode() if isinstance(content, str) else content
