"""An SMTP server that follows a test's script to the byte: what it answers, when it stalls, when it vanishes."""

import io
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

ACCEPT_ALL = {
    "EHLO": "250-test\r\n250 SIZE 1000000",
    "MAIL": "250 2.1.0 OK",
    "RCPT": "250 2.1.5 OK",
    "DATA": "354 go on",
    ".": "250 2.0.0 OK",
    "RSET": "250 2.0.0 OK",
    "NOOP": "250 2.0.0 OK",
    "QUIT": "221 2.0.0 bye",
    "STARTTLS": "220 2.0.0 go on",
}


@dataclass
class ScriptedSmtp:
    """Answers each command by `answers`; a callable answer may do anything with the connection first.

    `commands` has every command of every connection, in order; `mails` the data of each mail.
    """

    port: int
    answers: dict[str, str | Callable[["Connection"], str | None]]
    tls: ssl.SSLContext | None = None
    implicit_tls: bool = False
    connections: list["Connection"] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)

    def drop_all(self) -> None:
        """Every open connection ends now, as when the server restarts."""
        for connection in self.connections:
            connection.drop()


class Connection(threading.Thread):
    """One client's session."""

    def __init__(self, server: ScriptedSmtp, accepted: socket.socket) -> None:
        super().__init__(daemon=True)
        self._server = server
        self.socket = accepted
        self.socket.settimeout(10)

    def drop(self) -> None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def trickle(self, text: str, pause: threading.Event, *, every_s: float) -> None:
        """Send a byte at a time until the peer goes away."""
        with suppress(OSError):
            for byte in text.encode():
                self.socket.sendall(bytes([byte]))
                pause.wait(every_s)

    def run(self) -> None:
        with suppress(OSError):
            self._converse()
        self.drop()

    def _converse(self) -> None:
        if self._server.implicit_tls:
            self._encrypt()
        self._answer("GREETING", "220 test ESMTP")
        reader = self.socket.makefile("rb")
        while line := reader.readline():
            command = line.decode().strip()
            self._server.commands.append(command)
            verb = command.split(" ")[0].upper()
            self._answer(verb, "500 unknown")
            if verb == "DATA":
                self._server.mails.append(_data(reader))
                self._answer(".", "250 OK")
            elif verb == "STARTTLS":
                reader.close()
                self._encrypt()
                reader = self.socket.makefile("rb")
        reader.close()

    def _encrypt(self) -> None:
        assert self._server.tls is not None
        self.socket = self._server.tls.wrap_socket(self.socket, server_side=True)

    def _answer(self, verb: str, otherwise: str) -> None:
        answer = self._server.answers.get(verb, otherwise)
        said = answer if isinstance(answer, str) else answer(self)
        if said is not None:
            self.socket.sendall(f"{said}\r\n".encode())


def _data(reader: io.BufferedReader) -> bytes:
    lines: list[bytes] = []
    while (line := reader.readline()) != b".\r\n":
        if not line:
            raise ConnectionResetError("the client left within its mail")
        lines.append(line)
    return b"".join(lines)


@contextmanager
def scripted_smtp(
    answers: Mapping[str, str | Callable[[Connection], str | None]] | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    implicit_tls: bool = False,
) -> Iterator[ScriptedSmtp]:
    """A server on a free port of loopback; it accepts everything but what `answers` says otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        server = ScriptedSmtp(port, {**ACCEPT_ALL, **(answers or {})}, tls, implicit_tls)
        accepting = threading.Thread(target=_accept, args=(server, listener), daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            server.drop_all()
            for connection in server.connections:
                connection.join()


def _accept(server: ScriptedSmtp, listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            accepted, _ = listener.accept()
            connection = Connection(server, accepted)
            server.connections.append(connection)
            connection.start()
