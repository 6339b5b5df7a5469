"""HTTP requests as the proxy events that an API Gateway REST API (payload version 1.0) hands to a function.

Shapes follow "Input format of a Lambda function for proxy integration" in the API Gateway developer guide.
"""

import base64
import fnmatch
import secrets
import time
import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from urllib.parse import parse_qsl, quote, urlsplit

from offline.emulator.context import ACCOUNT_ID

API_ID = "offline000"
HOP_BY_HOP = frozenset(
    {"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
PATH_CHARACTERS_KEPT = "/%:@!$&'()*+,;=-._~"

Event: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it came over the wire: repeated headers apart, the target still percent-encoded."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str
    received_at_s: float
    protocol: str = "HTTP/1.1"

    @property
    def path(self) -> str:
        """The path as sent, percent-encoded; raw bytes outside ASCII are percent-encoded here."""
        target = self.target if self.target.startswith("/") else urlsplit(self.target).path or "/"
        return quote(target.split("?", 1)[0].encode("latin-1"), safe=PATH_CHARACTERS_KEPT)

    @property
    def query(self) -> str:
        """What follows the first question mark, undecoded."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """The last value of a header, whatever the case of its name."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class MatchedResource:
    """Which resource of the API a path belongs to, with its path parameters still percent-encoded."""

    path: str
    parameters: Mapping[str, str]


def proxy_event(
    request: HttpRequest, resource: MatchedResource, *, stage: str, mount: str = "", binary_types: Sequence[str] = ()
) -> Event:
    """The event for one request; a fresh request id and trace id each time.

    `mount` is what the URL that was called has before the API's own path: nothing at a domain of one's own, `/` and
    the stage at an execute-api address, `/` and the base path at a domain with one.

    Path parameters keep their percent-encoding, query parameters lose it, as in API Gateway. An absent query, an
    absent body and an absence of path parameters are null. A body whose content type is among `binary_types`
    is base64; any other is text, and bytes that are not UTF-8 are replaced, as API Gateway does.
    """
    headers = _gateway_headers(request)
    query = parse_qsl(request.query, keep_blank_values=True, errors="replace")
    is_binary = is_binary_type(request.header("content-type"), binary_types)
    return {
        "resource": resource.path,
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(headers),
        "multiValueHeaders": _all_values(headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _all_values(query) or None,
        "pathParameters": dict(resource.parameters) or None,
        "stageVariables": None,
        "requestContext": _request_context(request, resource, stage, mount),
        "body": _body(request.body, is_binary=is_binary),
        "isBase64Encoded": bool(request.body) and is_binary,
    }


def is_binary_type(media_type: str | None, binary_types: Sequence[str]) -> bool:
    """Whether a media type, parameters aside, matches one of the API's binary types (`image/*` and `*/*` included)."""
    bare = (media_type or "").split(";", 1)[0].strip().lower()
    return any(fnmatch.fnmatchcase(bare, pattern.lower()) for pattern in binary_types) if bare else False


def _body(body: bytes, *, is_binary: bool) -> str | None:
    if not body:
        return None
    return base64.b64encode(body).decode() if is_binary else body.decode("utf-8", errors="replace")


def _all_values(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def _gateway_headers(request: HttpRequest) -> list[tuple[str, str]]:
    """The client's headers without hop-by-hop ones, plus the gateway's; X-Forwarded-For ends in the peer's address."""
    added = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-port"}
    kept = [(name, value) for name, value in request.headers if name.lower() not in HOP_BY_HOP | added]
    hops = [value for name, value in request.headers if name.lower() == "x-forwarded-for"]
    kept += [
        ("X-Forwarded-For", ", ".join([*hops, request.source_ip])),
        ("X-Forwarded-Port", _port(request.header("host"))),
        ("X-Forwarded-Proto", "http"),
    ]
    if request.header("x-amzn-trace-id") is None:
        kept.append(("X-Amzn-Trace-Id", f"Root=1-{int(request.received_at_s):08x}-{secrets.token_hex(12)}"))
    return kept


def _port(host: str | None) -> str:
    port = (host or "").rpartition(":")[2]
    return port if port.isdecimal() else "80"


def _request_context(request: HttpRequest, resource: MatchedResource, stage: str, mount: str) -> dict[str, object]:
    host = request.header("host") or ""
    received_at = datetime.fromtimestamp(request.received_at_s, UTC)
    return {
        "accountId": ACCOUNT_ID,
        "apiId": API_ID,
        "domainName": host.rpartition(":")[0] or host,
        "domainPrefix": API_ID,
        "extendedRequestId": secrets.token_urlsafe(11) + "=",
        "httpMethod": request.method,
        "identity": _identity(request),
        "path": f"{mount}{request.path}",
        "protocol": request.protocol,
        "requestId": str(uuid.uuid4()),
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", received_at.timetuple()),
        "requestTimeEpoch": int(request.received_at_s * 1000),
        "resourceId": f"{zlib.crc32(resource.path.encode()):08x}",
        "resourcePath": resource.path,
        "stage": stage,
    }


def _identity(request: HttpRequest) -> dict[str, str | None]:
    absent = (
        "accessKey accountId apiKey apiKeyId caller clientCert cognitoAuthenticationProvider cognitoAuthenticationType "
        "cognitoIdentityId cognitoIdentityPoolId principalOrgId user userArn"
    )
    return {
        **dict.fromkeys(absent.split()),
        "sourceIp": request.source_ip,
        "userAgent": request.header("user-agent"),
    }
