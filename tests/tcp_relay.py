"""A TCP relay before a server, which a test can cut, as when the server restarts, or stall, as when it freezes."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

_CHUNK_BYTES = 65_536


class TcpRelay:
    """Listens on a free loopback port. While it is cut, connections are refused; while it is stalled, bytes wait."""

    def __init__(self, server_url: str) -> None:
        """The URL names the port of the server."""
        self._parts = urlsplit(server_url)
        self._server = (self._parts.hostname or "127.0.0.1", self._parts.port or 0)
        self._flowing = threading.Event()
        self._flowing.set()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        self._start(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.flow()
        self.cut()

    @property
    def url(self) -> str:
        """The server's URL by way of this relay."""
        credentials, at, _ = self._parts.netloc.rpartition("@")
        return urlunsplit(self._parts._replace(netloc=f"{credentials}{at}127.0.0.1:{self._port}"))

    def stall(self) -> None:
        """Acknowledge what arrives, and pass nothing on, either way."""
        self._flowing.clear()

    def flow(self) -> None:
        """Pass on what waited, and whatever comes."""
        self._flowing.set()

    def cut(self) -> None:
        """End all connections and take none; idempotent."""
        for one in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in (self._listener, *self._sockets):
            one.close()
        self._sockets.clear()
        self._threads.clear()

    def restore(self) -> None:
        """Take connections again, on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._start(self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._sockets += [client, server]
                self._start(self._copy, client, server)
                self._start(self._copy, server, client)

    def _copy(self, origin: socket.socket, destination: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := origin.recv(_CHUNK_BYTES):
                self._flowing.wait()
                destination.sendall(chunk)
        with contextlib.suppress(OSError):
            destination.shutdown(socket.SHUT_RDWR)

    def _start(self, target: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
