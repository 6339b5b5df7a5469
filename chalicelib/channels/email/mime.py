"""Builds the bytes of one e-mail: text and HTML as alternatives, every header safe from what variables hold.

Written out by hand because the standard library's builder takes several times as long as rendering and sending do.
Bodies are quoted-printable or base64, whichever is shorter: neither can contain a boundary that begins with `=_`
(RFC 2045 §6.7), and no line exceeds 76 characters.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from uuid import UUID

from chalicelib.channels.email.mailbox import Mailbox, one_line, unstructured
from chalicelib.domain.content import RenderedEmail

MAX_CORRELATION_ID_CHARACTERS = 128


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail ready for the wire, with its envelope. `content` has CRLF line ends and ends with one."""

    sender: Mailbox
    recipient: Mailbox
    message_id: str
    content: bytes


def compose(
    content: RenderedEmail,
    *,
    delivery_id: UUID,
    correlation_id: str,
    sender: Mailbox,
    recipient: Mailbox,
    at: datetime,
) -> Mail:
    """The e-mail of one delivery. Its Message-ID is the same at every attempt, so that a receiver can tell a repeat."""
    message_id = f"<{delivery_id}@{sender.domain}>"
    boundary = f"=_{delivery_id.hex}"
    head = (
        f"Date: {format_datetime(at.astimezone(UTC))}\r\n"
        f"From: {sender.header}\r\n"
        f"To: {recipient.header}\r\n"
        f"Subject: {unstructured(content.subject)}\r\n"
        f"Message-ID: {message_id}\r\n"
        f"X-Correlation-ID: {_token(correlation_id)}\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'
        "\r\n"
    ).encode()
    delimiter = f"--{boundary}\r\n".encode()
    parts = (delimiter, _part("plain", content.text), delimiter, _part("html", content.html))
    return Mail(sender, recipient, message_id, b"".join((head, *parts, f"--{boundary}--\r\n".encode())))


def _part(subtype: str, text: str) -> bytes:
    encoding, body = _transfer_encoded(text)
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
        + body.replace(b"\n", b"\r\n")
        + b"\r\n"
    )


def _transfer_encoded(text: str) -> tuple[str, bytes]:
    unix = text.replace("\r\n", "\n").replace("\r", "\n").encode(errors="replace")
    quoted = binascii.b2a_qp(unix, istext=True)
    if len(quoted) <= len(unix) * 4 // 3:
        return "quoted-printable", quoted
    return "base64", base64.encodebytes(unix.replace(b"\n", b"\r\n"))


def _token(correlation_id: str) -> str:
    return "".join(c for c in one_line(correlation_id) if c.isascii() and c != " ")[:MAX_CORRELATION_ID_CHARACTERS]
