"""A TCP relay before the broker, which a test can cut and restore: what a client sees of a broker that restarts."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

_CHUNK_BYTES = 65_536


class BrokerRelay:
    """Listens on a free loopback port; while it is cut, connections are refused."""

    def __init__(self, broker_url: str) -> None:
        self._parts = urlsplit(broker_url)
        self._target = (self._parts.hostname or "127.0.0.1", self._parts.port or 5672)
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
        self.cut()

    @property
    def url(self) -> str:
        """The broker's URL by way of this relay."""
        credentials = self._parts.netloc.rpartition("@")[0]
        return urlunsplit(self._parts._replace(netloc=f"{credentials}@127.0.0.1:{self._port}"))

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
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            broker = socket.create_connection(self._target)
            self._sockets += [client, broker]
            self._start(self._copy, client, broker)
            self._start(self._copy, broker, client)

    def _copy(self, origin: socket.socket, destination: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := origin.recv(_CHUNK_BYTES):
                destination.sendall(chunk)
        with contextlib.suppress(OSError):
            destination.shutdown(socket.SHUT_RDWR)

    def _start(self, target: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
