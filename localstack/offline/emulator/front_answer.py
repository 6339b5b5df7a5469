"""What an API Gateway REST API answers: a function's result as HTTP, and the gateway's own errors."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from offline.emulator.gateway_event import HttpRequest, is_binary_type

# Lambda refuses a larger synchronous response; API Gateway then answers 502.
MAX_FUNCTION_ANSWER_BYTES = 6 * 1024 * 1024


class MalformedProxyAnswer(Exception):
    """A function's result is not what a proxy integration accepts; the client gets 502."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer, ready for the wire; repeated headers are repeated pairs."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def status_line(self) -> str:
        """`404 Not Found`; a status without a registered phrase is named Unknown."""
        known = self.status in HTTPStatus.__members__.values()
        return f"{self.status} {HTTPStatus(self.status).phrase if known else 'Unknown'}"

    def to_bytes(self) -> bytes:
        """The answer as HTTP/1.1 that ends its connection."""
        head = [f"HTTP/1.1 {self.status_line}", *(f"{name}: {value}" for name, value in self.headers)]
        head += [f"Content-Length: {len(self.body)}", "Connection: close", "", ""]
        return "\r\n".join(head).encode("latin-1") + self.body


def gateway_error(status: int, message: str, error_type: str) -> HttpAnswer:
    """An answer that API Gateway makes itself, without the function."""
    return HttpAnswer(
        status=status,
        headers=(("Content-Type", "application/json"), ("x-amzn-ErrorType", error_type)),
        body=json.dumps({"message": message}, separators=(",", ":")).encode(),
    )


NO_SUCH_RESOURCE = gateway_error(403, "Missing Authentication Token", "MissingAuthenticationTokenException")
REQUEST_TOO_LONG = gateway_error(413, "Request Too Long", "RequestTooLargeException")
FUNCTION_FAILED = gateway_error(502, "Internal server error", "InternalServerErrorException")
INTEGRATION_TIMED_OUT = gateway_error(504, "Endpoint request timed out", "InternalServerErrorException")


def preflight_answer(headers: Mapping[str, str]) -> HttpAnswer:
    """What the gateway's mock integration answers to a CORS preflight."""
    return HttpAnswer(200, (("Content-Type", "application/json"), *headers.items()), b"")


def function_answer(result: object, request: HttpRequest, *, binary_types: Sequence[str] = ()) -> HttpAnswer:
    """A function's result as HTTP.

    `multiValueHeaders` wins over `headers` where both name one. A base64 body is decoded when the first media type of
    the request's Accept is one of the API's binary types, else it goes out as base64 text, as API Gateway does.
    Raises: MalformedProxyAnswer for anything a proxy integration refuses, 6 MiB exceeded included.
    """
    if not isinstance(result, Mapping):
        raise MalformedProxyAnswer(f"a proxy answer is an object, not {type(result).__name__}")
    headers = _headers(result)
    body = _body(result, decodes=_accepts_binary(request, binary_types))
    if len(body) > MAX_FUNCTION_ANSWER_BYTES:
        raise MalformedProxyAnswer(f"{len(body)} bytes exceed Lambda's {MAX_FUNCTION_ANSWER_BYTES}")
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers = (*headers, ("Content-Type", "application/json"))
    return HttpAnswer(_status(result), headers, body)


def _accepts_binary(request: HttpRequest, binary_types: Sequence[str]) -> bool:
    first_accepted = (request.header("accept") or "").split(",", 1)[0]
    return "*/*" in binary_types or is_binary_type(first_accepted, binary_types)


def _status(result: Mapping[str, object]) -> int:
    status = result.get("statusCode")
    if isinstance(status, str) and status.isdecimal():
        status = int(status)
    if not isinstance(status, int) or not 100 <= status <= 599:
        raise MalformedProxyAnswer(f"statusCode is {status!r}")
    return status


def _headers(result: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    single, multiple = result.get("headers") or {}, result.get("multiValueHeaders") or {}
    if not isinstance(single, Mapping) or not isinstance(multiple, Mapping):
        raise MalformedProxyAnswer("headers and multiValueHeaders are objects")
    repeated = {str(name).lower() for name in multiple}
    pairs = [(str(name), str(value)) for name, value in single.items() if str(name).lower() not in repeated]
    pairs += [(str(name), str(value)) for name, values in multiple.items() for value in values]
    return tuple((name, value) for name, value in pairs if name.lower() not in {"content-length", "connection"})


def _body(result: Mapping[str, object], *, decodes: bool) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedProxyAnswer(f"body is a string, not {type(body).__name__}")
    if not (result.get("isBase64Encoded") and decodes):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise MalformedProxyAnswer("body is not base64") from error
