"""Amazon SES as its API (2010-12-01) speaks, for what moto's mock cannot be: slow, in trouble, or gone."""

import base64
import email
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import boto3  # type: ignore[import-untyped]

from chalicelib.channels.email.mailbox import Mailbox
from chalicelib.channels.email.ses import SesProvider
from tests.scripted_http import Asked, Reply

XMLNS = 'xmlns="http://ses.amazonaws.com/doc/2010-12-01/"'
SENDER = Mailbox("no-reply@carillon.example", "Carillon")


@dataclass(frozen=True, slots=True)
class RawEmail:
    """What one SendRawEmail call asked for."""

    source: str
    destination: str
    content: bytes

    @property
    def delivery_id(self) -> str:
        """What is left for a receiver to tell a repeat by, once SES has replaced the Message-ID."""
        return email.message_from_bytes(self.content)["X-Delivery-ID"]


def raw_email(asked: Asked) -> RawEmail:
    form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
    assert form["Action"] == "SendRawEmail"
    return RawEmail(form["Source"], form["Destinations.member.1"], base64.b64decode(form["RawMessage.Data"]))


def accepted(message_id: str = "0102018f7a-1b2c-000000") -> Reply:
    return Reply(
        body=f"<SendRawEmailResponse {XMLNS}><SendRawEmailResult><MessageId>{message_id}</MessageId>"
        "</SendRawEmailResult></SendRawEmailResponse>".encode()
    )


def refused(code: str, message: str, *, status: int = 400, headers: dict[str, str] | None = None) -> Reply:
    body = (
        f"<ErrorResponse {XMLNS}><Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message>"
        "</Error><RequestId>1</RequestId></ErrorResponse>"
    )
    return Reply(status, body.encode(), headers or {})


@contextmanager
def ses_provider(endpoint: str | None, *, timeout_s: float = 10) -> Iterator[SesProvider]:
    session = boto3.Session("access-key", "secret-key", region_name="eu-west-1")
    provider = SesProvider("ses", session=session, sender=SENDER, timeout_s=timeout_s, endpoint=endpoint)
    try:
        yield provider
    finally:
        provider.close()
