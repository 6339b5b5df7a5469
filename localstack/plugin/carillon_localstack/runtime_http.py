"""As much of HTTP/1.1 as a Lambda runtime client speaks: kept-alive connections, bodies with a length, long headers.

The standard library's server refuses a header line above 64 KiB, and the runtime sends a function's whole traceback in
one (`Lambda-Runtime-Function-XRay-Error-Cause`, up to 1 MiB).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BufferedReader

_MAX_LINE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """`headers` have lower-case names."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A body of JSON."""

    status: HTTPStatus
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


class MalformedRequest(ValueError):
    """What arrives is not HTTP as described here."""


def read_request(stream: BufferedReader) -> HttpRequest | None:
    """The next request of a connection, None at its end. Raises MalformedRequest and OSError."""
    first = stream.readline(_MAX_LINE_BYTES)
    if not first:
        return None
    method, _, rest = first.decode("latin-1").strip().partition(" ")
    path, _, version = rest.rpartition(" ")
    if not version.startswith("HTTP/1."):
        raise MalformedRequest("not a request line")
    headers = _read_headers(stream)
    if "transfer-encoding" in headers:
        raise MalformedRequest("a body needs a length")
    body = stream.read(int(headers.get("content-length", "0")))
    return HttpRequest(method=method, path=path, headers=headers, body=body)


def encode_answer(answer: HttpAnswer) -> bytes:
    """The bytes of a whole response."""
    headers = {"Content-Type": "application/json", **answer.headers, "Content-Length": str(len(answer.body))}
    lines = [f"HTTP/1.1 {answer.status.value} {answer.status.phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body


def _read_headers(stream: BufferedReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    while line := stream.readline(_MAX_LINE_BYTES).decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return headers
