"""One execution environment's side of the Lambda Runtime API, version 2018-06-01, on a loopback port of its own.

The runtime asks for its next invocation and is kept waiting until there is one; then it posts a result or an error.
"Using the Lambda runtime API" of the Lambda developer guide is the source of paths, headers and status codes.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from carillon_localstack.runtime_http import HttpAnswer, HttpRequest, MalformedRequest, encode_answer, read_request
from carillon_localstack.runtime_messages import Answer, Ended, Invocation, route

_HAND_OVER_S = 60.0
_GONE = Ended(exit_code=None)


def _nothing() -> None:
    """What there is to do when nobody wants to know."""


class RuntimeApi:
    """Every method is safe from any thread; `submit` is for one invocation at a time.

    `on_idle` is called when the runtime waits for work, `on_work` just before it gets some; never both at once.
    """

    def __init__(self, *, on_idle: Callable[[], None] = _nothing, on_work: Callable[[], None] = _nothing) -> None:
        self._on_idle = on_idle
        self._on_work = on_work
        self._changed = threading.Condition()
        self._waiting = False
        self._offered: Invocation | None = None
        self._current: Invocation | None = None
        self._handed_over_at_s: float | None = None
        self._answer: Answer | None = None
        self._init_failure: Answer | None = None
        self._ended: Ended | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, name="runtime-api", daemon=True).start()

    @property
    def address(self) -> str:
        """For AWS_LAMBDA_RUNTIME_API."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def await_idle(self, deadline_s: float) -> Answer | Ended | None:
        """None as soon as the runtime asks for work; else its failure to start, or its end. Raises TimeoutError."""
        with self._changed:
            self._wait_until(lambda: self._waiting or self._init_failure or self._ended, deadline_s)
            return self._init_failure or self._ended

    def submit(self, invocation: Invocation) -> Answer | Ended:
        """The answer of a runtime that asks for work, or its end without one. Raises TimeoutError.

        Its time begins when it gets the invocation, not while this process is too busy to hand it over.
        """
        with self._changed:
            self._answer, self._handed_over_at_s, self._offered = None, None, invocation
            self._on_work()
            self._changed.notify_all()
            self._wait_until(lambda: self._handed_over_at_s or self._ended, time.monotonic() + _HAND_OVER_S)
            deadline_s = (self._handed_over_at_s or 0.0) + invocation.timeout_s
            self._wait_until(lambda: self._answer or self._ended, deadline_s)
            return self._answer or self._ended or _GONE

    def end(self, exit_code: int | None) -> None:
        """The runtime's process is no more; whoever waits learns it."""
        with self._changed:
            self._ended = self._ended or Ended(exit_code)
            self._changed.notify_all()

    def close(self) -> None:
        """Stop to listen; idempotent."""
        self.end(None)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _wait_until(self, condition: Callable[[], object], deadline_s: float) -> None:
        if not self._changed.wait_for(condition, max(0.0, deadline_s - time.monotonic())):
            raise TimeoutError

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(connection,), name="runtime-api-call", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        """A connection that breaks or is malformed is dropped: the runtime treats that as its own failure and ends."""
        with connection, contextlib.suppress(OSError, MalformedRequest), connection.makefile("rb") as stream:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (request := read_request(stream)) is not None:
                answer = self._respond(request)
                if answer is None:
                    return
                connection.sendall(encode_answer(answer))

    def _respond(self, request: HttpRequest) -> HttpAnswer | None:
        return route(request, next_invocation=self._next, fail_init=self._fail_init, answer=self._take_answer)

    def _next(self) -> Invocation | None:
        """The next invocation, or None when there will be none."""
        with self._changed:
            self._waiting = True
            if self._offered is None:
                self._on_idle()
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._offered or self._ended)
            self._waiting = False
            self._current, self._offered = self._offered, None
            self._handed_over_at_s = time.monotonic()
            self._changed.notify_all()
            return None if self._ended else self._current

    def _fail_init(self, failure: Answer) -> None:
        with self._changed:
            self._init_failure = failure
            self._changed.notify_all()

    def _take_answer(self, request_id: str, answer: Answer) -> bool:
        """False when this is not the invocation that is being processed."""
        with self._changed:
            if self._current is None or self._current.request_id != request_id:
                return False
            self._current, self._answer = None, answer
            self._changed.notify_all()
            return True
