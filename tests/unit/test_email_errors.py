"""What an SMTP server's answers mean."""

import smtplib
import ssl

import pytest

from chalicelib.channels.email.mailbox import mailbox
from chalicelib.channels.email.smtp_errors import translate
from chalicelib.channels.email.smtp_session import queue_id
from chalicelib.channels.email.smtp_table import TABLE, Line, Step, find
from chalicelib.errors import (
    AddressRejected,
    DeliveryError,
    MessageDeferred,
    MessageRefused,
    OutcomeUnknown,
    PermanentFailure,
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderUnavailable,
)

RECIPIENT = mailbox("jane.doe@x.example")


def meaning(error: OSError, step: Step) -> DeliveryError:
    return translate(error, step=step, recipient=RECIPIENT, provider="main")


REPLIES: list[tuple[Step, int, str, type[DeliveryError]]] = [
    # our account and our credentials
    (Step.SENDER, 530, "5.7.0 authenticate first", ProviderMisconfigured),
    (Step.AUTHENTICATE, 534, "5.7.9 Application-specific password required", ProviderMisconfigured),
    (Step.AUTHENTICATE, 535, "5.7.8 bad credentials", ProviderMisconfigured),
    (Step.RECIPIENT, 538, "5.7.11 Encryption required", ProviderMisconfigured),
    (Step.ANSWER, 530, "Must issue a STARTTLS command first", ProviderMisconfigured),
    (Step.AUTHENTICATE, 432, "4.7.12 A password transition is needed", ProviderMisconfigured),
    (Step.CONNECT, 421, "4.7.28 unusual rate of mail from your address", ProviderThrottled),
    (Step.ANSWER, 450, "4.7.28 mail flood", ProviderThrottled),
    (Step.ANSWER, 550, "5.7.28 blocked for an unusual rate of mail", ProviderMisconfigured),
    (Step.AUTHENTICATE, 454, "4.7.0 Too many login attempts, please try again later.", ProviderThrottled),
    (Step.AUTHENTICATE, 421, "4.7.0 Error: too many AUTH commands", ProviderThrottled),
    (Step.CONNECT, 421, "Too many concurrent SMTP connections", ProviderThrottled),
    (Step.CONNECT, 421, "4.7.0 mx.example Error: too many connections from 192.0.2.1", ProviderThrottled),
    (Step.ANSWER, 454, "Throttling failure: Maximum sending rate exceeded.", ProviderThrottled),
    (Step.SENDER, 454, "4.7.0 Throttling failure: Daily message quota exceeded.", ProviderThrottled),
    (Step.ANSWER, 554, "Message rejected: Email address is not verified.", ProviderMisconfigured),
    (Step.ANSWER, 554, "Access denied: it is not authorized to perform ses:SendRawEmail", ProviderMisconfigured),
    # not now
    (Step.CONNECT, 421, "4.3.2 busy", ProviderUnavailable),
    (Step.RECIPIENT, 421, "4.7.0 closing", ProviderUnavailable),
    (Step.ANSWER, 421, "closing", ProviderUnavailable),
    (Step.RECIPIENT, 452, "4.3.1 the system is full", ProviderUnavailable),
    (Step.ANSWER, 451, "4.3.0 later", ProviderUnavailable),
    (Step.RECIPIENT, 451, "4.7.1 Greylisting in action, please come back later", MessageDeferred),
    (Step.RECIPIENT, 450, "4.7.0 not now", MessageDeferred),
    (Step.RECIPIENT, 452, "4.5.3 Domain policy size per transaction exceeded", MessageDeferred),
    (Step.RECIPIENT, 450, "4.2.0 greylisted", MessageDeferred),
    (Step.RECIPIENT, 450, "4.2.1 is receiving mail at a rate that prevents additional messages", MessageDeferred),
    (Step.RECIPIENT, 452, "4.2.2 mailbox full", MessageDeferred),
    (Step.RECIPIENT, 455, "cannot take these parameters now", MessageDeferred),
    (Step.ANSWER, 450, "greylisted late", MessageDeferred),
    (Step.MESSAGE, 451, "local error", MessageDeferred),
    (Step.ENCRYPT, 454, "4.7.0 TLS not available", ProviderUnavailable),
    (Step.AUTHENTICATE, 454, "4.7.0 Temporary authentication failure", ProviderUnavailable),
    (Step.SENDER, 451, "4.3.0 later", ProviderUnavailable),
    (Step.SENDER, 452, "insufficient storage", ProviderUnavailable),
    (Step.CONNECT, 450, "client host rejected: cannot find your hostname", ProviderUnavailable),
    # never
    (Step.CONNECT, 500, "unknown", ProviderMisconfigured),
    (Step.AUTHENTICATE, 502, "5.5.1 not implemented", ProviderMisconfigured),
    (Step.RECIPIENT, 503, "5.5.1 bad sequence of commands", ProviderMisconfigured),
    (Step.MESSAGE, 503, "5.5.1 no valid recipients", ProviderMisconfigured),
    (Step.SENDER, 552, "5.3.4 too large", MessageRefused),
    (Step.SENDER, 554, "5.2.3 larger than the administrator allows", MessageRefused),
    (Step.RECIPIENT, 552, "5.3.4 too large", MessageRefused),
    (Step.SENDER, 550, "5.7.1 sender not allowed", ProviderMisconfigured),
    (Step.SENDER, 555, "parameters not known", ProviderMisconfigured),
    (Step.RECIPIENT, 554, "5.7.1 Relay access denied", ProviderMisconfigured),
    (Step.RECIPIENT, 550, "5.7.1 authentication required", ProviderMisconfigured),
    (Step.RECIPIENT, 553, "5.7.1 <no-reply@x.example>: Sender address rejected: not owned", ProviderMisconfigured),
    (Step.RECIPIENT, 550, "5.1.8 the sender's domain does not exist", ProviderMisconfigured),
    (Step.RECIPIENT, 554, "5.7.1 Client host rejected: Access denied", ProviderMisconfigured),
    (Step.RECIPIENT, 521, "5.3.2 this host takes no mail", ProviderMisconfigured),
    (Step.RECIPIENT, 501, "5.1.3 bad address syntax", AddressRejected),
    (Step.RECIPIENT, 550, "5.1.1 no such user", AddressRejected),
    (Step.RECIPIENT, 550, "5.1.1 Recipient address rejected: User unknown in relay recipient table", AddressRejected),
    (Step.RECIPIENT, 551, "5.1.6 has moved", AddressRejected),
    (Step.RECIPIENT, 552, "5.2.2 mailbox full for good", AddressRejected),
    (Step.RECIPIENT, 553, "5.1.3 bad address", AddressRejected),
    (Step.RECIPIENT, 554, "no", AddressRejected),
    (Step.RECIPIENT, 556, "5.1.10 the domain has a null MX", AddressRejected),
    (Step.ANSWER, 550, "5.1.1 no such user", AddressRejected),
    (Step.ANSWER, 550, "5.1.10 null MX", AddressRejected),
    (Step.ANSWER, 550, "5.2.1 the account is disabled", AddressRejected),
    (Step.MESSAGE, 554, "5.6.0 refused", MessageRefused),
    (Step.ANSWER, 552, "5.2.3 too large", MessageRefused),
    (Step.ANSWER, 554, "5.7.1 looks like spam", MessageRefused),
    (Step.ANSWER, 550, "5.1.8 the sender's domain", MessageRefused),
    (Step.CONNECT, 554, "no service here", ProviderMisconfigured),
    (Step.ENCRYPT, 501, "no parameters allowed", ProviderMisconfigured),
    # what no server may say
    (Step.ANSWER, 354, "go on", OutcomeUnknown),
    (Step.ANSWER, -1, "garbage", OutcomeUnknown),
    (Step.RECIPIENT, 354, "go on", ProviderUnavailable),
    (Step.CONNECT, -1, "garbage", ProviderUnavailable),
]


@pytest.mark.parametrize(("step", "code", "text", "expected"), REPLIES)
def test_a_reply_is_judged_by_its_code_and_by_what_it_answers(
    step: Step, code: int, text: str, expected: type[DeliveryError]
) -> None:
    assert type(meaning(smtplib.SMTPResponseException(code, text.encode()), step)) is expected


@pytest.mark.parametrize("text", ["<relay@x.example>: no such user", "no mailbox for jane@authenticate.example"])
def test_an_echoed_address_does_not_decide_what_a_reply_means(text: str) -> None:
    assert type(meaning(smtplib.SMTPResponseException(550, text.encode()), Step.RECIPIENT)) is AddressRejected


@pytest.mark.parametrize("line", TABLE, ids=lambda line: f"{line.pattern.pattern} {line.meaning.__name__}")
def test_every_line_of_the_table_decides_a_reply(line: Line) -> None:
    assert line in [find(f"{code} {text}", step) for step, code, text, _ in REPLIES]


@pytest.mark.parametrize("step", list(Step))
def test_no_temporary_code_ends_a_delivery_and_no_code_is_without_a_meaning(step: Step) -> None:
    for code in (*range(400, 600), -1, 0, 220, 354):
        for text in ("", "4.2.1 busy", "5.7.1 no"):
            error = meaning(smtplib.SMTPResponseException(code, text.encode()), step)
            assert not (400 <= code <= 499 and isinstance(error, PermanentFailure))


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
