"""One Lambda environment behind the gateway: a WSGI application that calls the function, one request at a time."""

import errno
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any, TypeAlias, cast

from offline.emulator.context import begin_context
from offline.emulator.front_answer import (
    FUNCTION_FAILED,
    INTEGRATION_TIMED_OUT,
    NO_SUCH_RESOURCE,
    REQUEST_TOO_LONG,
    HttpAnswer,
    function_answer,
    preflight_answer,
)
from offline.emulator.front_chalice import ChaliceApp, resources_of
from offline.emulator.front_deadline import Deadline, Invocation
from offline.emulator.front_resources import ResourceTable
from offline.emulator.gateway_event import HttpRequest, MatchedResource, proxy_event

WSGIEnvironment: TypeAlias = MutableMapping[str, Any]  # WSGI's own looseness
StartResponse: TypeAlias = Callable[[str, Iterable[tuple[str, str]]], None]

MAX_REQUEST_BYTES = 10 * 1024 * 1024
READ_BYTES = 64 * 1024


class FrontEnvironment:
    """A WSGI application for gunicorn's sync worker.

    `headers_of_request` gives the current request's headers as they came, for WSGI joins repeated ones.
    A function's exception is answered 502 and the environment lives on, as in Lambda; a function over its timeout is
    answered 502, or 504 once the gateway has waited `integration_timeout_s`, and the process ends.
    """

    def __init__(
        self,
        app: ChaliceApp,
        *,
        function_name: str,
        stage: str,
        timeout_s: float,
        integration_timeout_s: float,
        headers_of_request: Callable[[], Iterable[tuple[str, str]]],
    ) -> None:
        self._app = app
        self._resources = ResourceTable(resources_of(app))
        self._binary_types = tuple(app.api.binary_types)
        self._function_name = function_name
        self._stage = stage
        self._headers_of_request = headers_of_request
        self._deadline = Deadline(timeout_s=timeout_s, integration_timeout_s=integration_timeout_s)
        self._late_answer = INTEGRATION_TIMED_OUT if timeout_s >= integration_timeout_s else FUNCTION_FAILED
        self._deadline.watch()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request. Raises: BrokenPipeError when the deadline has answered in the function's place."""
        client = cast(socket.socket, environ["gunicorn.socket"])
        body = _read_body(environ)
        answer = REQUEST_TOO_LONG if body is None else self._answer(self._request(environ, body), client)
        start_response(answer.status_line, [*answer.headers, ("Content-Length", str(len(answer.body)))])
        sent = b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body
        return _ClosingBody(sent, client)

    def _request(self, environ: WSGIEnvironment, body: bytes) -> HttpRequest:
        return HttpRequest(
            method=environ["REQUEST_METHOD"],
            target=environ["RAW_URI"],
            headers=tuple((name.title(), value) for name, value in self._headers_of_request()),
            body=body,
            source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
            received_at_s=time.time(),
            protocol=environ["SERVER_PROTOCOL"],
        )

    def _answer(self, request: HttpRequest, client: socket.socket) -> HttpAnswer:
        found = self._resources.match(request.path)
        if found is None:
            return NO_SUCH_RESOURCE
        resource, matched = found
        if resource.accepts(request.method):
            return self._invoke(request, matched, client)
        if request.method == "OPTIONS" and resource.preflight_headers is not None:
            return preflight_answer(resource.preflight_headers)
        return NO_SUCH_RESOURCE

    def _invoke(self, request: HttpRequest, matched: MatchedResource, client: socket.socket) -> HttpAnswer:
        event = proxy_event(request, matched, stage=self._stage, binary_types=self._binary_types)
        context = begin_context(
            function_name=self._function_name,
            aws_request_id=str(cast(dict[str, object], event["requestContext"])["requestId"]),
            timeout_s=self._deadline.timeout_s,
        )
        invocation = self._deadline.begin(
            request_id=context.aws_request_id, answer_late=lambda: _send_and_close(client, self._late_answer)
        )
        try:
            answer = function_answer(self._app(event, context), request, binary_types=self._binary_types)
        except Exception:  # noqa: BLE001 - the edge: whatever a function raises is a 502, as in Lambda
            answer = _report_failure(context.aws_request_id)
        return self._finish(invocation, answer)

    def _finish(self, invocation: Invocation, answer: HttpAnswer) -> HttpAnswer:
        claimed = invocation.claim_answer()
        self._deadline.end()
        sys.stdout.flush()
        if not claimed:
            raise BrokenPipeError(errno.EPIPE, "the client was answered when the function was late")
        request_id = ("x-amzn-RequestId", invocation.request_id)
        return HttpAnswer(answer.status, (*answer.headers, request_id), answer.body)


class _ClosingBody:
    """A body that closes its connection once sent, so that a client that lingers does not hold the environment."""

    def __init__(self, body: bytes, client: socket.socket) -> None:
        self._body = body
        self._client = client

    def __iter__(self) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None:
        self._client.close()


def _read_body(environ: WSGIEnvironment) -> bytes | None:
    """The whole body, or None when it is over the gateway's limit; then it is read and dropped, so that the client,
    who is still writing, gets to read the answer."""
    body = environ["wsgi.input"].read(MAX_REQUEST_BYTES + 1)
    if len(body) <= MAX_REQUEST_BYTES:
        return cast(bytes, body)
    while environ["wsgi.input"].read(READ_BYTES):
        continue
    return None


def _send_and_close(client: socket.socket, answer: HttpAnswer) -> None:
    """Answers over the raw socket, from the deadline's thread, while the function still has the interpreter."""
    try:
        client.sendall(answer.to_bytes())
        client.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        print(f"the client of a late function is gone: {error}", file=sys.stderr, flush=True)


def _report_failure(request_id: str) -> HttpAnswer:
    told = traceback.format_exc().rstrip().replace("\n", "\r")  # one line of the log, as Lambda's runtime writes it
    print(f"[ERROR] the function failed: {request_id}\r{told}", file=sys.stderr, flush=True)
    return FUNCTION_FAILED
