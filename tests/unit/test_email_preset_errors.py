"""What Gmail, SendGrid and Mailgun say in their own words, beside what every server says."""

import smtplib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from chalicelib.channels.email.mailbox import mailbox
from chalicelib.channels.email.smtp_errors import translate
from chalicelib.channels.email.smtp_presets import OWN_LINES, own_lines
from chalicelib.channels.email.smtp_table import Step, find
from chalicelib.domain.provider_scheme import SCHEMES
from chalicelib.errors import (
    AddressRejected,
    DeliveryError,
    MessageDeferred,
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderUnavailable,
)

RECIPIENT = mailbox("jane.doe@x.example")

REPLIES: list[tuple[str, Step, int, str, type[DeliveryError]]] = [
    ("gmail", Step.SENDER, 550, "5.4.5 Daily user sending limit exceeded.", ProviderThrottled),
    ("gmail", Step.ANSWER, 550, "5.4.5 Daily sending quota exceeded.", ProviderThrottled),
    ("gmail", Step.RECIPIENT, 550, "5.7.1 Daily SMTP relay limit exceeded for customer.", ProviderThrottled),
    ("gmail", Step.ANSWER, 550, "5.7.1 Email quota exceeded.", ProviderThrottled),
    ("gmail", Step.RECIPIENT, 450, "4.2.1 Peak SMTP relay limit exceeded for customer.", ProviderThrottled),
    (
        "gmail",
        Step.RECIPIENT,
        450,
        "4.2.1 The user you are trying to contact is receiving mail too quickly",
        MessageDeferred,
    ),
    ("gmail", Step.ANSWER, 421, "4.7.0 Our system has detected an unusual rate of mail", ProviderThrottled),
    ("gmail", Step.CONNECT, 421, "4.7.0 Try again later, closing connection.", ProviderUnavailable),
    ("gmail", Step.RECIPIENT, 550, "5.7.0 Mail relay denied", ProviderMisconfigured),
    ("gmail", Step.ANSWER, 550, "5.7.0 Mail Sending denied.", ProviderMisconfigured),
    ("gmail", Step.ANSWER, 550, "5.7.1 Invalid credentials for relay", ProviderMisconfigured),
    ("gmail", Step.AUTHENTICATE, 454, "4.7.0 Too many login attempts", ProviderThrottled),
    ("gmail", Step.AUTHENTICATE, 535, "5.7.8 Username and Password not accepted.", ProviderMisconfigured),
    ("gmail", Step.RECIPIENT, 550, "5.1.1 The email account that you tried to reach does not exist.", AddressRejected),
    ("sendgrid", Step.AUTHENTICATE, 451, "Authentication failed: Maximum credits exceeded", ProviderThrottled),
    ("sendgrid", Step.RECIPIENT, 452, "Too many recipients received this hour (throttled)", ProviderThrottled),
    ("sendgrid", Step.SENDER, 403, "You are not authorized to send from that email address", ProviderMisconfigured),
    (
        "sendgrid",
        Step.ANSWER,
        550,
        "The from address does not match a verified Sender Identity.",
        ProviderMisconfigured,
    ),
    ("sendgrid", Step.RECIPIENT, 450, "too frequent connects, please try again later.", MessageDeferred),
    ("sendgrid", Step.AUTHENTICATE, 535, "Authentication failed: Bad username / password", ProviderMisconfigured),
    (
        "mailgun",
        Step.SENDER,
        421,
        "Domain x.example is not allowed to send: recipient limit exceeded",
        ProviderThrottled,
    ),
    (
        "mailgun",
        Step.ANSWER,
        421,
        "Domain x.example is not allowed to send: Please activate it.",
        ProviderMisconfigured,
    ),
    ("mailgun", Step.RECIPIENT, 550, "5.7.1 Relaying denied", ProviderMisconfigured),
    ("mailgun", Step.AUTHENTICATE, 535, "5.7.0 Mailgun is not loving your login or password", ProviderMisconfigured),
]


def meaning(scheme: str, step: Step, code: int, text: str) -> DeliveryError:
    error = smtplib.SMTPResponseException(code, text.encode())
    return translate(error, step=step, recipient=RECIPIENT, provider=scheme, own=own_lines(scheme))


@pytest.mark.parametrize(("scheme", "step", "code", "text", "expected"), REPLIES)
def test_a_preset_knows_its_provider_s_words(
    scheme: str, step: Step, code: int, text: str, expected: type[DeliveryError]
) -> None:
    assert type(meaning(scheme, step, code, text)) is expected


@pytest.mark.parametrize("scheme", OWN_LINES)
def test_every_line_of_a_preset_decides_a_reply(scheme: str) -> None:
    decided = [
        find(f"{code} {text}", step, own_lines(scheme)) for name, step, code, text, _ in REPLIES if name == scheme
    ]
    assert [line for line in own_lines(scheme) if line not in decided] == []


def test_every_preset_has_lines_of_its_own_and_no_other_scheme_has() -> None:
    assert set(OWN_LINES) == {name for name, scheme in SCHEMES.items() if scheme.is_preset}
    assert own_lines("smtp") == ()


def test_a_moment_to_come_back_is_read_from_mailgun_s_words() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True).replace("GMT", "UTC")
    text = f"Domain x is not allowed to send: recipient limit exceeded, try again after {until}"
    failure = meaning("mailgun", Step.ANSWER, 421, text)
    assert isinstance(failure, ProviderThrottled)
    assert failure.retry_after_s is not None
    assert 60 < failure.retry_after_s <= 90


@pytest.mark.parametrize("when", ["soon", "Sun, 99 Oct 2026 12:00:00 UTC", "Sun, 05 Oct 2025 19:22:44"])
def test_a_moment_that_nobody_can_read_is_no_wish(when: str) -> None:
    failure = meaning("mailgun", Step.ANSWER, 421, f"not allowed to send: limit exceeded, try again after {when}")
    assert isinstance(failure, ProviderThrottled)
    assert failure.retry_after_s is None
