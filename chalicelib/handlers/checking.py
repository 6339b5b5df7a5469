"""The checks between an admitted request and its view: query, size, media type, JSON and shape."""

import binascii
from collections.abc import Mapping

import chalice.app
from pydantic import JsonValue

from chalicelib.errors import BodyTooLarge, MalformedRequest, UnsupportedMediaType
from chalicelib.handlers.answers import JSON
from chalicelib.handlers.contract import Contract
from chalicelib.handlers.guards import Admission
from chalicelib.handlers.parsing import parse_json, parse_model, parse_query
from chalicelib.handlers.request import BodyT, NoBody, OptionalBody, QueryT, Request

MERGE_PATCH = "application/merge-patch+json"  # RFC 7396
_BODILESS = frozenset({"GET", "HEAD", "DELETE"})


def check_request(
    raw: chalice.app.Request,
    path: Mapping[str, str | None],
    *,
    contract: Contract[BodyT, QueryT],
    admission: Admission,
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
        caller=admission.caller,
        only_own=admission.only_own(contract.access),
        source_ip=admission.source_ip,
        body=parse_model(contract.body, parsed, content),
        query=query,
        parsed=parsed,
        headers=raw.headers,
        path=path,
        correlation_id=correlation_id,
    )


def _parameters(raw: chalice.app.Request) -> dict[str, list[str]]:
    return {} if raw.query_params is None else {name: raw.query_params.getlist(name) for name in raw.query_params}


def _read_json(raw: chalice.app.Request, contract: Contract[BodyT, QueryT]) -> tuple[JsonValue, bytes]:
    """The parsed body and its bytes. Without a body, a route that needs none is given `{}`."""
    content = _content(raw)
    if len(content) > contract.max_body_bytes:
        raise BodyTooLarge(f"The body has more than {contract.max_body_bytes} bytes.")
    if issubclass(contract.body, OptionalBody) and not content:
        return {}, b"{}"
    if contract.body is NoBody and raw.method in _BODILESS:
        return {}, b"{}"
    media_type = raw.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON and not (media_type == MERGE_PATCH and raw.method == "PATCH"):
        raise UnsupportedMediaType(f"The body must be declared as {JSON}.")
    return parse_json(content), content


def _content(raw: chalice.app.Request) -> bytes:
    try:
        content = raw.raw_body
    except (binascii.Error, UnicodeError):
        raise MalformedRequest("The body cannot be read.") from None
    return content.encode() if isinstance(content, str) else content
