"""What an SMTP server's answer, or its silence, means for a delivery. The replies stand in `smtp_table.py`."""

import re
import smtplib
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from chalicelib.channels.email.mailbox import Mailbox, one_line
from chalicelib.channels.email.smtp_table import Line, Step, find
from chalicelib.errors import (
    DeliveryError,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderUnavailable,
    TransientFailure,
)

MAX_DETAIL_CHARACTERS = 200

_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
_ADDRESS = re.compile(r"\S*@\S*")
_TRY_AGAIN_AFTER = re.compile(r"try again after (\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d) (?:UTC|GMT)", re.IGNORECASE)


def translate(
    error: OSError, *, step: Step, recipient: Mailbox, provider: str, own: tuple[Line, ...] = ()
) -> DeliveryError:
    """The delivery error that `error`, raised at `step`, stands for; `own` are the lines of the provider's preset.

    It never shows the recipient's address.
    """
    if isinstance(error, smtplib.SMTPResponseException):
        return _of_reply(error, step, recipient, provider, own)
    if isinstance(error, ssl.SSLCertVerificationError):
        return ProviderMisconfigured("the server's certificate does not hold", provider=provider)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return ProviderMisconfigured("the server lacks encryption or authentication", provider=provider)
    if step is Step.ANSWER:
        return OutcomeUnknown("the connection was lost while the answer was awaited", provider=provider)
    return ProviderUnavailable(f"the connection was lost while {step} ({type(error).__name__})", provider=provider)


def _of_reply(
    error: smtplib.SMTPResponseException, step: Step, recipient: Mailbox, provider: str, own: tuple[Line, ...]
) -> DeliveryError:
    text = reply_text(error.smtp_error)
    enhanced = _ENHANCED.match(text)
    code = f"{error.smtp_code} {enhanced[1]}" if enhanced else str(error.smtp_code)
    detail = f"refused while {step}: {_without_address(text, recipient)}"[:MAX_DETAIL_CHARACTERS]
    kind = find(f"{error.smtp_code} {_ADDRESS.sub('[address]', text)}", step, own).meaning
    if issubclass(kind, TransientFailure):
        wish_s = _wished_s(text, now=datetime.now(UTC))
        return kind(detail, provider=provider, provider_code=code, retry_after_s=wish_s)
    return kind(detail, provider=provider, provider_code=code)


def _wished_s(text: str, *, now: datetime) -> float | None:
    """Seconds until the moment that a reply names: SMTP has no field for it, Mailgun has words."""
    named = _TRY_AGAIN_AFTER.search(text)
    try:
        return max(0.0, (parsedate_to_datetime(f"{named[1]} GMT") - now).total_seconds()) if named else None
    except ValueError:
        return None


def reply_text(reply: bytes | str) -> str:
    return one_line(reply.decode(errors="replace") if isinstance(reply, bytes) else reply)


def _without_address(text: str, recipient: Mailbox) -> str:
    """Servers echo the address, or its local part alone."""
    local, _, _ = recipient.address.rpartition("@")
    hidden = _ADDRESS.sub("[address]", text)
    return re.sub(rf"(?<!\w){re.escape(local)}(?!\w)", "[address]", hidden, flags=re.IGNORECASE)
