"""The control interface: HTTP on loopback, JSON in and out.

GET  /health                                       GET  /functions      GET  /mappings      GET  /schedules
POST /functions/{name}/invocations                 invoke and wait; the body is the event
PUT  /mappings/{name} {"enabled": true|false}      POST /mappings/{name}/lose-next-acknowledgement
PUT  /functions/{name} {"enforce_timeout": true|false}
"""

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from offline.emulator.emulator import Emulator
from offline.emulator.errors import FunctionThrottled, InvocationFailed

# Bodies are whatever JSON a caller sends and a handler returns.
Json = Any

_BAD_REQUEST, _NOT_FOUND, _TOO_MANY_REQUESTS = 400, 404, 429


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the caller."""

    body: Json
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Control:
    """The routes, without HTTP."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self._routes: list[tuple[str, re.Pattern[str], Callable[[str, Json], Answer]]] = [
            ("GET", re.compile("/health"), self._health),
            ("GET", re.compile("/functions"), self._functions),
            ("GET", re.compile("/mappings"), self._mappings),
            ("GET", re.compile("/schedules"), self._schedules),
            ("PUT", re.compile("/mappings/([^/]+)"), self._switch),
            ("POST", re.compile("/mappings/([^/]+)/lose-next-acknowledgement"), self._lose_acknowledgement),
            ("POST", re.compile("/functions/([^/]+)/invocations"), self._invoke),
            ("PUT", re.compile("/functions/([^/]+)"), self._switch_timeout),
        ]

    def answer(self, *, method: str, path: str, body: bytes) -> Answer:
        """The answer to a request; unknown paths and names are 404, a body that is not JSON is 400."""
        for route_method, pattern, respond in self._routes:
            found = pattern.fullmatch(path)
            if found and method == route_method:
                return self._respond(respond, found.group(1) if pattern.groups else "", body)
        return Answer({"message": f"no such route: {method} {path}"}, _NOT_FOUND)

    def _respond(self, respond: Callable[[str, Json], Answer], name: str, body: bytes) -> Answer:
        try:
            content = json.loads(body) if body else None
        except ValueError as error:
            return Answer({"message": f"the body is not JSON: {error}"}, _BAD_REQUEST)
        try:
            return respond(name, content)
        except KeyError:
            return Answer({"message": f"no such name: {name}"}, _NOT_FOUND)

    def _health(self, _: str, __: Json) -> Answer:
        return Answer({"status": "ok"})

    def _functions(self, _: str, __: Json) -> Answer:
        return Answer(
            [
                {
                    "name": name,
                    "enforce_timeout": function.enforces_timeout,
                    "environments": [asdict(one) for one in function.describe()],
                }
                for name, function in self._emulator.functions.items()
            ]
        )

    def _mappings(self, _: str, __: Json) -> Answer:
        return Answer([_describe_mapping(name, self._emulator) for name in self._emulator.mappings])

    def _schedules(self, _: str, __: Json) -> Answer:
        schedules = self._emulator.schedules
        return Answer([{"name": name, **asdict(schedule.counters)} for name, schedule in schedules.items()])

    def _switch(self, name: str, body: Json) -> Answer:
        mapping = self._emulator.mappings[name]
        enabled = _switch_in(body, "enabled")
        if enabled is None:
            return Answer({"message": 'the body is {"enabled": true|false}'}, _BAD_REQUEST)
        if enabled:
            mapping.enable()
        else:
            mapping.disable()
        return Answer(_describe_mapping(name, self._emulator), status=202)

    def _switch_timeout(self, name: str, body: Json) -> Answer:
        function = self._emulator.functions[name]
        enforces = _switch_in(body, "enforce_timeout")
        if enforces is None:
            return Answer({"message": 'the body is {"enforce_timeout": true|false}'}, _BAD_REQUEST)
        function.enforces_timeout = enforces
        return Answer({"name": name, "enforce_timeout": enforces})

    def _lose_acknowledgement(self, name: str, _: Json) -> Answer:
        self._emulator.mappings[name].lose_next_acknowledgement()
        return Answer(_describe_mapping(name, self._emulator))

    def _invoke(self, name: str, event: Json) -> Answer:
        function = self._emulator.functions[name]
        try:
            return Answer(function.invoke(event))
        except InvocationFailed as failure:
            description = {
                "errorType": failure.error_type,
                "errorMessage": failure.error_message,
                "stackTrace": failure.stack_trace,
            }
            return Answer(description, headers={"X-Amz-Function-Error": "Unhandled"})
        except FunctionThrottled as error:
            return Answer({"Type": "User", "message": str(error)}, _TOO_MANY_REQUESTS)


def _switch_in(body: Json, name: str) -> bool | None:
    """The position of a switch in a body; None when it is not there."""
    position = body.get(name) if isinstance(body, dict) else None
    return position if isinstance(position, bool) else None


def _describe_mapping(name: str, emulator: Emulator) -> Json:
    report = asdict(emulator.mappings[name].describe())
    counters = report.pop("counters")
    report["StateTransitionReason"] = report.pop("state_transition_reason")
    return {**report, **counters}


class ControlServer(ThreadingHTTPServer):
    """Listens on loopback only; port 0 takes a free one, see `server_port`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *, control: Control, port: int) -> None:
        super().__init__(("127.0.0.1", port), _RequestHandler)
        self.control = control


class _RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ControlServer

    def do_GET(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's signature
        """The control interface is polled; it does not log."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.server.control.answer(method=self.command, path=self.path.partition("?")[0], body=body)
        content = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in {**answer.headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
