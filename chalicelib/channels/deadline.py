"""Sockets that end with a send's deadline, however slowly their peer trickles.

A socket's timeout bounds one read, so a peer that sends a byte a second holds a reader for ever. These sockets wait, at
every operation, no longer than what the thread's current deadline leaves. There is no watchdog thread: nothing has to
survive a freeze, and after a thaw the next operation simply finds its time used up.

Name resolution is the one step that no socket bounds: the resolver's own timeout does.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from chalicelib.channels.base import Deadline

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_current = threading.local()


@contextmanager
def within(deadline: Deadline) -> Iterator[None]:
    """This thread's deadline sockets end by `deadline` inside the block, or by an outer block's earlier one."""
    outer: Deadline | None = getattr(_current, "deadline", None)
    _current.deadline = deadline if outer is None else min(outer, deadline, key=lambda each: each.at_monotonic_s)
    try:
        yield
    finally:
        _current.deadline = outer


def remaining_s() -> float:
    """Seconds that the thread's deadline leaves, above zero.

    Raises:
        TimeoutError: none are left, or no deadline is set: a wait without an end is never right.
    """
    deadline: Deadline | None = getattr(_current, "deadline", None)
    left_s = deadline.remaining_s if deadline else 0.0
    if not left_s:
        raise TimeoutError("the deadline has passed")
    return left_s


class DeadlineSocket(socket.socket):
    """A TCP socket whose every operation waits no longer than `remaining_s()`."""

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int = 0, flags: int = 0) -> int:
        self.settimeout(remaining_s())
        return super().recv_into(buffer, nbytes, flags)

    def sendall(self, data: "ReadableBuffer", flags: int = 0, /) -> None:
        """The timeout bounds the whole of `data` [docs: socket.sendall, since 3.5]."""
        self.settimeout(remaining_s())
        super().sendall(data, flags)


class DeadlineTlsSocket(ssl.SSLSocket):
    """The same under TLS. `sendall` consists of `send`; each call's timeout bounds that call as a whole."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 -- ssl calls it so
        self.settimeout(remaining_s())
        super().do_handshake(block)

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        self.settimeout(remaining_s())
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        self.settimeout(remaining_s())
        return super().send(data, flags)


def tls_context(ca_file: str | None = None) -> ssl.SSLContext:
    """A client context that verifies the peer's certificate and name, and makes deadline sockets.

    `ca_file` replaces the machine's certificate authorities.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = DeadlineTlsSocket
    return context


def open_socket(host: str, port: int) -> DeadlineSocket:
    """Connect to the first address of `host` that answers; all tries together end by the thread's deadline.

    Raises:
        OSError: none answered; the last one's error.
    """
    failure: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        connection = DeadlineSocket(family, kind, protocol)
        try:
            connection.settimeout(remaining_s())
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.connect(address)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure
