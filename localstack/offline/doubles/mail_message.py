"""A received mail: its bytes, and what they say, parsed when somebody asks."""

import email
import re
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from typing import TypeAlias

Json: TypeAlias = dict[str, object]
FOLD = re.compile(r"\r?\n(?=[ \t])")


@dataclass(slots=True)
class ReceivedMail:
    """One mail as it came. `answered` becomes true when the sink's 250 is written: a client that lost the connection
    before does not know that the mail arrived."""

    mail_from: str
    rcpt_to: tuple[str, ...]
    raw: bytes = field(repr=False)
    received_at: str
    answered: bool = False

    def is_to(self, address: str) -> bool:
        """Whether an address is among the envelope's recipients; case does not matter."""
        return address.lower() in (recipient.lower() for recipient in self.rcpt_to)

    def subject(self) -> str | None:
        """The decoded subject, read from the header alone."""
        head = self.raw.partition(b"\r\n\r\n")[0]
        return _header(email.message_from_bytes(head), "Subject")

    def to_json(self, mail_id: str) -> Json:
        """All of it, parsed; bytes that fit no charset are replaced rather than refused."""
        message = email.message_from_bytes(self.raw)
        return {
            "id": mail_id,
            "received_at": self.received_at,
            "answered": self.answered,
            "envelope": {"mail_from": self.mail_from, "rcpt_to": list(self.rcpt_to)},
            "from": _header(message, "From"),
            "to": _header(message, "To"),
            "subject": _header(message, "Subject"),
            "date": _header(message, "Date"),
            "message_id": _header(message, "Message-ID"),
            "headers": _headers(message),
            "text": _body(message, "text/plain"),
            "html": _body(message, "text/html"),
            "attachments": [_attachment(part) for part in message.walk() if _is_attachment(part)],
        }


def _header(message: "Message[str, str]", name: str) -> str | None:
    return next((_decoded(value) for key, value in message.raw_items() if key.lower() == name.lower()), None)


def _headers(message: "Message[str, str]") -> Json:
    """Each header under its name as sent; a repeated one is a list."""
    headers: dict[str, object] = {}
    for name, value in message.raw_items():
        known = headers.get(name)
        if known is None:
            headers[name] = _decoded(value)
        else:
            headers[name] = [*(known if isinstance(known, list) else [known]), _decoded(value)]
    return headers


def _decoded(value: object) -> str:
    """A raw header's text: unfolded, UTF-8 (RFC 6532) and encoded words (RFC 2047) read; as sent if they are broken."""
    text = FOLD.sub("", str(value)).encode("ascii", "surrogateescape").decode("utf-8", "replace")
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (MessageError, LookupError, ValueError):
        return text


def _is_attachment(part: "Message[str, str]") -> bool:
    is_text = part.get_content_type() in {"text/plain", "text/html"}
    return not part.is_multipart() and (part.get_content_disposition() == "attachment" or not is_text)


def _attachment(part: "Message[str, str]") -> Json:
    return {
        "filename": part.get_filename(),
        "content_type": part.get_content_type(),
        "size_bytes": len(_payload(part)),
    }


def _body(message: "Message[str, str]", content_type: str) -> str | None:
    """The first part of a type that is no attachment, with line feeds as line ends."""
    parts = (part for part in message.walk() if part.get_content_type() == content_type)
    part = next((part for part in parts if not _is_attachment(part)), None)
    if part is None:
        return None
    try:
        text = _payload(part).decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        text = _payload(part).decode("latin-1")
    return text.replace("\r\n", "\n")


def _payload(part: "Message[str, str]") -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
