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

from chalicelib.channels.base import Outgoing
from chalicelib.channels.email.mailbox import Mailbox, mailbox, one_line, unstructured
from chalicelib.domain.content import RenderedEmail
from chalicelib.domain.recipient import EmailTarget
from chalicelib.errors import AddressRejected

MAX_CORRELATION_ID_CHARACTERS = 128


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail ready for the wire, with its envelope. `content` has CRLF line ends and ends with one."""

    sender: Mailbox
    recipient: Mailbox
    message_id: str
    content: bytes


def mail_of(outgoing: Outgoing, *, sender: Mailbox, at: datetime, provider: str) -> Mail:
    """The e-mail that stands for one delivery.

    Raises:
        AddressRejected: no mail server could take the address; `provider` is named as the one that says so.
    """
    if not isinstance(outgoing.target, EmailTarget) or not isinstance(outgoing.content, RenderedEmail):
        raise TypeError("only an e-mail with an e-mail's target goes out by e-mail")
    try:
        recipient = mailbox(outgoing.target.address, outgoing.target.name)
    except AddressRejected as error:
        raise AddressRejected(error.detail, provider=provider) from None
    return compose(
        outgoing.content,
        delivery_id=outgoing.delivery_id,
        correlation_id=outgoing.correlation_id,
        sender=sender,
        recipient=recipient,
        at=at,
    )


def compose(
    content: RenderedEmail,
    *,
    delivery_id: UUID,
    correlation_id: str,
    sender: Mailbox,
    recipient: Mailbox,
    at: datetime,
) -> Mail:
    """The e-mail of one delivery. A receiver can tell a repeat: its Message-ID is the same at every attempt, and so is
    its X-Delivery-ID, which reaches those too whose provider replaces the Message-ID, as SES does.
    """
    message_id = f"<{delivery_id}@{sender.domain}>"
    boundary = f"=_{delivery_id.hex}"
    head = (
        f"Date: {format_datetime(at.astimezone(UTC))}\r\n"
        f"From: {sender.header}\r\n"
        f"To: {recipient.header}\r\n"
        f"Subject: {unstructured(content.subject)}\r\n"
        f"Message-ID: {message_id}\r\n"
        f"X-Delivery-ID: {delivery_id}\r\n"
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
