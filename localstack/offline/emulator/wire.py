"""JSON values over a private stream socket, each with its length in four bytes (big-endian) before it."""

import json
import socket
import struct
from typing import Any

_LENGTH = struct.Struct(">I")
_CHUNK_BYTES = 1 << 20

# A frame holds whatever a handler takes or returns, so its type is open by nature.
Json = Any


class StreamEnded(ConnectionError):
    """The other side is gone."""


def encode_frame(value: Json) -> bytes:
    """The frame of one JSON value. Raises TypeError or ValueError for what JSON cannot hold."""
    content = json.dumps(value).encode()
    return _LENGTH.pack(len(content)) + content


class FrameReader:
    """Reassembles frames from a socket; a read that times out in the middle loses nothing."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._received = bytearray()

    def read(self) -> Json:
        """The next value. Raises TimeoutError as the socket's timeout says, and StreamEnded."""
        while (content := self._take()) is None:
            chunk = self._stream.recv(_CHUNK_BYTES)
            if not chunk:
                raise StreamEnded("the stream ended")
            self._received += chunk
        return json.loads(content)

    def _take(self) -> bytes | None:
        if len(self._received) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._received)
        end = _LENGTH.size + length
        if len(self._received) < end:
            return None
        content = bytes(self._received[_LENGTH.size : end])
        del self._received[:end]
        return content
