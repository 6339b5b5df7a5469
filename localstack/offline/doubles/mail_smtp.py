"""The sink's SMTP (RFC 5321) with SIZE, 8BITMIME, SMTPUTF8 and PIPELINING, as an asyncio protocol.

Written for speed: the sink shares a small machine with what it measures. No authentication, no TLS; for loopback only.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from offline.doubles.bounded_log import BoundedLog
from offline.doubles.mail_message import ReceivedMail
from offline.doubles.mail_scripts import Recipients, Script, script_for
from offline.doubles.mail_voice import Voice
from offline.doubles.moods import Mode, Temper
from offline.doubles.serving import utc_now

MAX_MESSAGE_BYTES = 25 * 1024 * 1024
MAX_LINE_BYTES = 4096
END_OF_DATA = b"\r\n.\r\n"
PATH = re.compile(r"(?:from|to):\s*<(?P<address>[^<>]*)>(?P<parameters>(?: +\S+)*)\s*", re.IGNORECASE)
CLOSING = "421 4.3.2 Service not available, closing transmission channel"
EXTENSIONS = (f"SIZE {MAX_MESSAGE_BYTES}", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES")


@dataclass(frozen=True, slots=True)
class HeldRecipient:
    """A `poison-` recipient whose RCPT waits for its answer, and the port of the client that waits with it."""

    recipient: str
    since: str
    client_port: int


@dataclass(slots=True)
class Mailbox:
    """What all sessions share: the mails, the scripts, the mood, how long `slow-` and `poison-` recipients wait."""

    slow_s: float
    hold_s: float
    temper: Temper = field(default_factory=Temper)
    held: list["HeldRecipient"] = field(default_factory=list)
    mails: BoundedLog[ReceivedMail] = field(default_factory=BoundedLog)
    recipients: Recipients = field(default_factory=Recipients)
    sessions: set["SmtpSession"] = field(default_factory=set)

    def reset(self) -> None:
        """Forgets the mails; scripted recipients begin anew."""
        self.mails.clear()
        self.recipients.reset()


class SmtpSession(asyncio.Protocol):
    """One client's connection. A mail is kept when its data is complete, before it is answered."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._buffer = bytearray()
        self._in_data = False
        self._scanned = 0
        self._too_large = False
        self._waiting: asyncio.TimerHandle | None = None
        self._held: HeldRecipient | None = None
        self._deaf = False
        self._mail_from: str | None = None
        self._rcpt_to: list[str] = []
        self._verbs: dict[str, Callable[[str], None]] = {
            "EHLO": self._ehlo,
            "HELO": lambda _: self._begin("250 mail.localhost"),
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "RSET": lambda _: self._begin("250 2.0.0 OK"),
            "NOOP": lambda _: self._reply("250 2.0.0 OK"),
            "VRFY": lambda _: self._reply("252 2.5.0 Send mail and see"),
            "QUIT": self._quit,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets, or says that there is no service."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows asyncio's declared type
        self._transport = transport
        self._voice = Voice(transport, self._mailbox.temper)
        self._mailbox.sessions.add(self)
        if self._mode is Mode.REFUSING:
            self._refuse_service()
        else:
            self._reply("220 mail.localhost ESMTP")

    def connection_lost(self, _exc: Exception | None) -> None:
        """A mail that waits for its answer stays unanswered."""
        self._mailbox.sessions.discard(self)
        self._voice.fall_silent()
        self._release()
        if self._waiting is not None:
            self._waiting.cancel()

    def data_received(self, data: bytes) -> None:
        """Commands and mail data, in whatever pieces; after a half-close they go nowhere."""
        if not self._deaf:
            self._buffer += data
            self._advance()

    def abort(self) -> None:
        """Ends the connection without a word."""
        self._transport.abort()

    def _advance(self) -> None:
        step = True
        while step and self._waiting is None and not self._deaf and not self._voice.is_closing:
            step = self._take_data() if self._in_data else self._take_command()

    def _take_command(self) -> bool:
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > MAX_LINE_BYTES:
                self._reply("500 5.5.6 Line too long")
                self._voice.close()
            return False
        if self._mode is Mode.REFUSING:
            self._refuse_service()
            return False
        line = self._buffer[:end].decode("utf-8", "replace").rstrip("\r")
        del self._buffer[: end + 1]
        verb, _, rest = line.partition(" ")
        answer = self._verbs.get(verb.upper())
        if answer is None:
            self._reply("500 5.5.1 Unknown command")
        else:
            answer(rest.strip())
        return True

    def _take_data(self) -> bool:
        """Looks for the end of the mail; the line end before its first line was put into the buffer by `_data`."""
        end = self._buffer.find(END_OF_DATA, self._scanned)
        self._scanned = max(0, len(self._buffer) - len(END_OF_DATA))
        if end < 0:
            if len(self._buffer) > MAX_MESSAGE_BYTES:
                self._too_large = True
                del self._buffer[: self._scanned]
                self._scanned = 0
            return False
        raw = bytes(self._buffer[: end + 2]).replace(b"\r\n..", b"\r\n.")[2:]
        del self._buffer[: end + len(END_OF_DATA)]
        self._in_data = False
        self._receive(raw)
        return True

    def _receive(self, raw: bytes) -> None:
        if self._mode is Mode.REFUSING:
            self._refuse_service()
            return
        if self._too_large or len(raw) > MAX_MESSAGE_BYTES:
            self._begin("552 5.3.4 Message too large")
            return
        mail = ReceivedMail(self._mail_from or "", tuple(self._rcpt_to), raw, utc_now())
        mail_id = self._mailbox.mails.append(mail)
        scripts = {script_for(address) for address in mail.rcpt_to}
        if Script.DROP in scripts or self._mode is Mode.ACCEPTS_THEN_DROPS:
            self._voice.close()
        elif self._mode is Mode.HALF_CLOSING:
            self._deaf = True
            self._voice.half_close()
        elif Script.SLOW in scripts or self._mode is Mode.SLOW:
            delay_s = self._mailbox.slow_s if Script.SLOW in scripts else self._mailbox.temper.mood.after_s
            self._waiting = asyncio.get_running_loop().call_later(delay_s, self._accept_late, mail, mail_id)
        else:
            self._accept(mail, mail_id)

    def _accept(self, mail: ReceivedMail, mail_id: str) -> None:
        mail.answered = True
        self._begin(f"250 2.0.0 OK {mail_id}")

    def _accept_late(self, mail: ReceivedMail, mail_id: str) -> None:
        self._waiting = None
        self._accept(mail, mail_id)
        self._advance()

    def _ehlo(self, _: str) -> None:
        lines = ["mail.localhost", *EXTENSIONS]
        self._begin("\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"]))

    def _mail(self, rest: str) -> None:
        path = PATH.fullmatch(rest)
        if self._mail_from is not None:
            self._reply("503 5.5.1 A mail is under way")
        elif path is None or not rest.lower().startswith("from:"):
            self._reply("501 5.1.7 MAIL FROM:<address>")
        elif refusal := _refused_parameters(path["parameters"].split(), path["address"]):
            self._reply(refusal)
        elif self._mode is Mode.MISCONFIGURED:
            self._reply("535 5.7.8 Authentication credentials invalid")
        else:
            self._mail_from = path["address"]
            self._reply("250 2.1.0 OK")

    def _rcpt(self, rest: str) -> None:
        path = PATH.fullmatch(rest)
        if self._mail_from is None:
            self._reply("503 5.5.1 MAIL first")
        elif path is None or not rest.lower().startswith("to:") or not path["address"]:
            self._reply("501 5.1.3 RCPT TO:<address>")
        else:
            reply = self._mailbox.recipients.answer(path["address"])
            if reply.startswith("250"):
                self._rcpt_to.append(path["address"])
            if script_for(path["address"]) is Script.POISON:
                self._hold(path["address"], reply)
            else:
                self._reply(reply)

    def _hold(self, recipient: str, reply: str) -> None:
        self._held = HeldRecipient(recipient, utc_now(), self._transport.get_extra_info("peername")[1])
        self._mailbox.held.append(self._held)
        self._waiting = asyncio.get_running_loop().call_later(self._mailbox.hold_s, self._answer_held, reply)

    def _answer_held(self, reply: str) -> None:
        self._waiting = None
        self._release()
        self._reply(reply)
        self._advance()

    def _release(self) -> None:
        if self._held is not None:
            self._mailbox.held.remove(self._held)
            self._held = None

    def _data(self, _: str) -> None:
        if not self._rcpt_to:
            self._reply("503 5.5.1 RCPT first")
            return
        self._in_data, self._scanned = True, 0
        self._buffer[:0] = b"\r\n"
        self._reply("354 End data with <CR><LF>.<CR><LF>")

    def _quit(self, _: str) -> None:
        self._reply("221 2.0.0 Bye")
        self._voice.close()

    @property
    def _mode(self) -> Mode:
        return self._mailbox.temper.mode

    def _refuse_service(self) -> None:
        """RFC 5321 section 3.8: a server that ends its service says so, to whatever command, and closes."""
        self._reply(CLOSING)
        self._voice.close()

    def _begin(self, reply: str) -> None:
        """Answers, and is ready for a new mail."""
        self._mail_from, self._rcpt_to, self._too_large = None, [], False
        self._reply(reply)

    def _reply(self, line: str) -> None:
        self._voice.say(line)


def _refused_parameters(parameters: list[str], address: str) -> str | None:
    """The reply that refuses MAIL's parameters; None when they are fine."""
    names = {parameter.partition("=")[0].upper(): parameter.partition("=")[2] for parameter in parameters}
    if not names.keys() <= {"SIZE", "BODY", "SMTPUTF8"}:
        return "555 5.5.4 Unknown parameter"
    size = names.get("SIZE", "0")
    if not size.isdecimal():
        return "501 5.5.4 SIZE is a number"
    if int(size) > MAX_MESSAGE_BYTES:
        return "552 5.3.4 Message too large"
    if not address.isascii() and "SMTPUTF8" not in names:
        return "553 5.6.7 SMTPUTF8 required"
    return None
