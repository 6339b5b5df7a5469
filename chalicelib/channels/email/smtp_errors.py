"""What an SMTP server's answer, or its silence, means for a delivery: the one place that decides it.

Sources: RFC 5321 §4.2 (replies), RFC 4954 §6 (authentication), RFC 3463 (enhanced codes).
"""

import re
import smtplib
import ssl
from enum import StrEnum

from chalicelib.channels.email.mailbox import Mailbox, one_line
from chalicelib.errors import (
    AddressRejected,
    DeliveryError,
    MessageDeferred,
    MessageRefused,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderUnavailable,
)

MAX_DETAIL_CHARACTERS = 200

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_ADDRESS = re.compile(r"\S*@\S*")


class Step(StrEnum):
    """How far a send has come. Only while the answer is awaited can the server have accepted."""

    CONNECT = "connecting"
    ENCRYPT = "encrypting"
    AUTHENTICATE = "authenticating"
    RESET = "resetting"
    SENDER = "naming the sender"
    RECIPIENT = "naming the recipient"
    MESSAGE = "sending the message"
    ANSWER = "awaiting the answer"


_AUTHENTICATION_CODES = frozenset({530, 534, 535, 538})
_SIZE_EXCEEDED = 552
_CLOSING = 421
_ABOUT_THE_MESSAGE = frozenset({Step.MESSAGE, Step.ANSWER})
_ABOUT_THE_SERVER = re.compile(r"\s*4\.3\.\d")
"""RFC 3463 §3.4: the mail system itself is full, overloaded or being shut down."""


def translate(error: OSError, *, step: Step, recipient: Mailbox, provider: str) -> DeliveryError:
    """The delivery error that `error`, raised at `step`, stands for. It never shows the recipient's address."""
    if isinstance(error, smtplib.SMTPResponseException):
        return _of_reply(error, step, recipient, provider)
    if isinstance(error, ssl.SSLCertVerificationError):
        return ProviderMisconfigured("the server's certificate does not hold", provider=provider)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return ProviderMisconfigured("the server lacks encryption or authentication", provider=provider)
    if step is Step.ANSWER:
        return OutcomeUnknown("the connection was lost while the answer was awaited", provider=provider)
    return ProviderUnavailable(f"the connection was lost while {step} ({type(error).__name__})", provider=provider)


def _of_reply(error: smtplib.SMTPResponseException, step: Step, recipient: Mailbox, provider: str) -> DeliveryError:
    text = reply_text(error.smtp_error)
    enhanced = _ENHANCED.match(text)
    code = f"{error.smtp_code} {enhanced[1]}" if enhanced else str(error.smtp_code)
    detail = f"refused while {step}: {_without_address(text, recipient)}"[:MAX_DETAIL_CHARACTERS]
    return _class_of(error.smtp_code, step, text)(detail, provider=provider, provider_code=code)


def _class_of(code: int, step: Step, text: str) -> type[DeliveryError]:
    if code in _AUTHENTICATION_CODES:
        return ProviderMisconfigured
    if 400 <= code <= 499:
        return _not_now(code, step, text)
    if not 500 <= code <= 599:
        return OutcomeUnknown if step is Step.ANSWER else ProviderUnavailable
    if step in _ABOUT_THE_MESSAGE or (step is Step.SENDER and code == _SIZE_EXCEEDED):
        return MessageRefused
    if step is Step.RECIPIENT and "relay" not in text.lower():
        return AddressRejected
    return ProviderMisconfigured


def _not_now(code: int, step: Step, text: str) -> type[DeliveryError]:
    """Once a recipient is named, a refusal for now is about them (greylisting, a full mailbox) unless it says not."""
    concerns_one = step is Step.RECIPIENT or step in _ABOUT_THE_MESSAGE
    if concerns_one and code != _CLOSING and not _ABOUT_THE_SERVER.match(text):
        return MessageDeferred
    return ProviderUnavailable


def reply_text(reply: bytes | str) -> str:
    return one_line(reply.decode(errors="replace") if isinstance(reply, bytes) else reply)


def _without_address(text: str, recipient: Mailbox) -> str:
    """Servers echo the address, or its local part alone."""
    local, _, _ = recipient.address.rpartition("@")
    hidden = _ADDRESS.sub("[address]", text)
    return re.sub(rf"(?<!\w){re.escape(local)}(?!\w)", "[address]", hidden, flags=re.IGNORECASE)
