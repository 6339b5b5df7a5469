"""One address for the nodes of a cluster: a connection goes to a node that takes it, as with Amazon MQ's balancer."""

import contextlib
import itertools
import socket
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, urlsplit, urlunsplit

_CHUNK_BYTES = 65_536
_CONNECT_WITHIN_S = 1.0


class Balancer:
    """Listens on a free loopback port while the block lasts.

    A connection goes to the next node in turn that accepts it, and is closed when its node dies or none accepts it.
    """

    def __init__(self, server_urls: Sequence[str]) -> None:
        """The URLs name the nodes' ports; credentials and path are the first one's."""
        self._servers = [_address(urlsplit(url)) for url in server_urls]
        self._first = urlsplit(server_urls[0])
        self._turn = itertools.count()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        _in_background(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        with self._lock:
            ends = [self._listener, *self._open]
        for end in ends:
            _shut(end)
        self._listener.close()

    @property
    def url(self) -> str:
        """The cluster's URL."""
        credentials, at, _ = self._first.netloc.rpartition("@")
        return urlunsplit(self._first._replace(netloc=f"{credentials}{at}127.0.0.1:{self._port}"))

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                _in_background(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        server = self._connect()
        if server is None:
            client.close()
            return
        with client, server:
            with self._lock:
                self._open |= {client, server}
            back = _in_background(_copy, server, client)
            _copy(client, server)
            back.join()
            with self._lock:
                self._open -= {client, server}

    def _connect(self) -> socket.socket | None:
        first = next(self._turn)
        for offset in range(len(self._servers)):
            with contextlib.suppress(OSError):
                address = self._servers[(first + offset) % len(self._servers)]
                server = socket.create_connection(address, timeout=_CONNECT_WITHIN_S)
                server.settimeout(None)
                return server
        return None


def _address(url: SplitResult) -> tuple[str, int]:
    return url.hostname or "127.0.0.1", url.port or 0


def _copy(origin: socket.socket, destination: socket.socket) -> None:
    """Pass bytes on until either side ends, then end both: a half-open connection would hide that a node died."""
    with contextlib.suppress(OSError):
        while chunk := origin.recv(_CHUNK_BYTES):
            destination.sendall(chunk)
    _shut(origin)
    _shut(destination)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


def _in_background(target: Callable[..., None], *ends: socket.socket) -> threading.Thread:
    thread = threading.Thread(target=target, args=ends, daemon=True)
    thread.start()
    return thread
