"""What an SMTP server's answers mean."""

import smtplib
import ssl

import pytest

from chalicelib.channels.email.mailbox import mailbox
from chalicelib.channels.email.smtp_errors import Step, translate
from chalicelib.channels.email.smtp_session import queue_id
from chalicelib.errors import (
    AddressRejected,
    DeliveryError,
    MessageDeferred,
    MessageRefused,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderUnavailable,
)

RECIPIENT = mailbox("jane.doe@x.example")


def meaning(error: OSError, step: Step) -> DeliveryError:
    return translate(error, step=step, recipient=RECIPIENT, provider="main")


@pytest.mark.parametrize(
    ("step", "code", "text", "expected"),
    [
        (Step.CONNECT, 421, "4.3.2 busy", ProviderUnavailable),
        (Step.CONNECT, 554, "no service here", ProviderMisconfigured),
        (Step.ENCRYPT, 454, "4.7.0 TLS not now", ProviderUnavailable),
        (Step.AUTHENTICATE, 535, "5.7.8 bad credentials", ProviderMisconfigured),
        (Step.AUTHENTICATE, 454, "4.7.0 later", ProviderUnavailable),
        (Step.SENDER, 530, "5.7.0 authenticate first", ProviderMisconfigured),
        (Step.SENDER, 552, "5.3.4 too large", MessageRefused),
        (Step.SENDER, 550, "5.7.1 sender not allowed", ProviderMisconfigured),
        (Step.SENDER, 451, "4.3.0 later", ProviderUnavailable),
        (Step.RECIPIENT, 550, "5.1.1 no such user", AddressRejected),
        (Step.RECIPIENT, 553, "5.1.3 bad address", AddressRejected),
        (Step.RECIPIENT, 554, "5.7.1 Relay access denied", ProviderMisconfigured),
        (Step.RECIPIENT, 450, "4.2.0 greylisted", MessageDeferred),
        (Step.RECIPIENT, 451, "4.7.1 not now", MessageDeferred),
        (Step.RECIPIENT, 452, "4.2.2 mailbox full", MessageDeferred),
        (Step.RECIPIENT, 452, "4.3.1 the system is full", ProviderUnavailable),
        (Step.RECIPIENT, 421, "4.7.0 closing", ProviderUnavailable),
        (Step.ANSWER, 450, "greylisted late", MessageDeferred),
        (Step.MESSAGE, 554, "5.6.0 refused", MessageRefused),
        (Step.ANSWER, 554, "5.7.1 looks like spam", MessageRefused),
        (Step.ANSWER, 451, "4.3.0 later", ProviderUnavailable),
        (Step.ANSWER, 354, "go on", OutcomeUnknown),
        (Step.ANSWER, -1, "garbage", OutcomeUnknown),
    ],
)
def test_a_reply_is_judged_by_its_code_and_by_what_it_answers(
    step: Step, code: int, text: str, expected: type[DeliveryError]
) -> None:
    assert type(meaning(smtplib.SMTPResponseException(code, text.encode()), step)) is expected


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(), smtplib.SMTPServerDisconnected("lost")])
@pytest.mark.parametrize("step", list(Step))
def test_silence_is_doubtful_only_while_the_answer_is_awaited(error: OSError, step: Step) -> None:
    expected = OutcomeUnknown if step is Step.ANSWER else ProviderUnavailable
    assert type(meaning(error, step)) is expected


@pytest.mark.parametrize("error", [ssl.SSLCertVerificationError("expired"), smtplib.SMTPNotSupportedError("no AUTH")])
def test_what_only_an_operator_can_mend_says_so(error: OSError) -> None:
    assert type(meaning(error, Step.ENCRYPT)) is ProviderMisconfigured


def test_the_provider_s_own_code_is_kept() -> None:
    failure = meaning(smtplib.SMTPResponseException(550, b"5.1.1 unknown"), Step.RECIPIENT)
    assert (failure.provider, failure.provider_code) == ("main", "550 5.1.1")
    assert meaning(smtplib.SMTPResponseException(550, b"unknown"), Step.RECIPIENT).provider_code == "550"


@pytest.mark.parametrize(
    "text", ["<jane.doe@x.example>: no", "JANE.DOE@X.EXAMPLE no", "user jane.doe unknown", "xjane.doe@x.example\r\nno"]
)
def test_no_detail_shows_the_address_that_servers_echo(text: str) -> None:
    failure = meaning(smtplib.SMTPResponseException(550, text.encode()), Step.RECIPIENT)
    assert "jane.doe" not in failure.detail.lower()
    assert len(failure.detail.splitlines()) == 1


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ("2.0.0 Ok: queued as 4bQZ1x2Tz9", "4bQZ1x2Tz9"),
        ("OK id=1tEfGh-000123-Ab", "1tEfGh-000123-Ab"),
        ("Ok 0102018f7a-1b2c-000000", "0102018f7a-1b2c-000000"),
        ("2.0.0 OK", None),
        ("Message accepted for delivery", None),
        ("Ok queued", None),
    ],
)
def test_the_server_s_name_for_the_mail_is_found_when_it_says_one(answer: str, name: str | None) -> None:
    assert queue_id(answer) == name
