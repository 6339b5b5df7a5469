"""An HTTP server that follows a test's script: what it answers, how slowly, and when it hangs up."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Asked:
    """`headers` are in lower case."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """`every_s` is the pause between its bytes; a reply that `hangs_up` is none: the connection ends."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    every_s: float = 0.0
    after_s: float = 0.0
    hangs_up: bool = False

    def wire(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} X", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


class ScriptedHttp(ThreadingHTTPServer):
    """Answers each request as `script` says; counts connections and keeps what it was asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, script: Callable[[Asked], Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.connections = 0
        self.sockets: list[socket.socket] = []
        self.asked: list[Asked] = []
        self.over = threading.Event()
        self.counting = threading.Lock()

    def drop_all(self) -> None:
        """Every open connection ends now, as when the server restarts."""
        for each in self.sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ScriptedHttp

    def setup(self) -> None:
        super().setup()
        with self.server.counting:
            self.server.connections += 1
            self.server.sockets.append(self.connection)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        asked = Asked(self.path, content, {name.lower(): value for name, value in self.headers.items()})
        with self.server.counting:
            self.server.asked.append(asked)
        reply = self.server.script(asked)
        self.server.over.wait(reply.after_s)
        self.close_connection = reply.hangs_up
        with suppress(OSError):
            if not reply.hangs_up:
                self._write(reply)

    def _write(self, reply: Reply) -> None:
        if not reply.every_s:
            self.wfile.write(reply.wire())
            return
        for byte in reply.wire():
            self.wfile.write(bytes([byte]))
            self.server.over.wait(reply.every_s)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Be silent."""


@contextmanager
def scripted_http(script: Callable[[Asked], Reply]) -> Iterator[ScriptedHttp]:
    with ScriptedHttp(script) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        serving.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            serving.join()
