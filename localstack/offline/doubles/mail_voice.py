"""The sending side of one SMTP connection: replies at once, or a byte at a time while the sink trickles."""

import asyncio

from offline.doubles.moods import Mode, Temper


class Voice:
    """Writes replies in order. What is left of a trickled one goes out at once when the mood has changed."""

    def __init__(self, transport: asyncio.Transport, temper: Temper) -> None:
        self._transport = transport
        self._temper = temper
        self._unsaid = bytearray()
        self._next_byte: asyncio.TimerHandle | None = None

    @property
    def is_closing(self) -> bool:
        """Whether nothing more will be written."""
        return self._transport.is_closing()

    def say(self, line: str) -> None:
        """Writes one reply, its lines separated by CRLF."""
        self._unsaid += line.encode() + b"\r\n"
        if self._next_byte is None:
            self._speak()

    def close(self) -> None:
        """Ends the connection; what was trickling is cut off."""
        self.fall_silent()
        self._transport.close()

    def half_close(self) -> None:
        """Closes the sending side alone: the client reads the end, and may go on sending."""
        self.fall_silent()
        self._transport.write_eof()

    def fall_silent(self) -> None:
        """Says nothing of what is left."""
        self._unsaid.clear()
        if self._next_byte is not None:
            self._next_byte.cancel()
            self._next_byte = None

    def _speak(self) -> None:
        self._next_byte = None
        if self._temper.mode is not Mode.TRICKLING:
            self._transport.write(bytes(self._unsaid))
            self._unsaid.clear()
            return
        self._transport.write(bytes(self._unsaid[:1]))
        del self._unsaid[:1]
        if self._unsaid:
            self._next_byte = asyncio.get_running_loop().call_later(self._temper.mood.after_s, self._speak)
