"""gmail, sendgrid and mailgun over a real socket: who logs in, and what their own codes become."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from chalicelib.channels.base import Deadline, Outgoing, Provider, Receipt
from chalicelib.channels.email.mailbox import Mailbox
from chalicelib.channels.email.smtp import SmtpProvider
from chalicelib.domain.content import RenderedEmail
from chalicelib.domain.identity import new_id
from chalicelib.domain.provider_url import ProviderUrl
from chalicelib.domain.recipient import EmailTarget
from chalicelib.errors import (
    DeliveryError,
    MessageDeferred,
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderUnavailable,
)
from tests.scripted_smtp import ScriptedSmtp, scripted_smtp

WITH_AUTH = {"EHLO": "250-test\r\n250-8BITMIME\r\n250 AUTH LOGIN PLAIN XOAUTH2", "AUTH": "235 2.7.0 Accepted"}
CREDENTIALS = {
    "gmail": "user%40example.com:app-password@",
    "sendgrid": ":SG.key@",
    "mailgun": "postmaster%40mg.example.com:password@",
}


@contextmanager
def provider_for(server: ScriptedSmtp, preset: str) -> Iterator[Provider]:
    url = ProviderUrl.parse(f"{preset}://{CREDENTIALS[preset]}127.0.0.1:{server.port}?tls=none")
    provider = SmtpProvider(url, sender=Mailbox("no-reply@example.com"), timeout_s=10)
    try:
        yield provider
    finally:
        provider.close()


def send(provider: Provider) -> Receipt:
    content = RenderedEmail(subject="Hi", html="<p>Hi</p>", text="Hi")
    outgoing = Outgoing(new_id(datetime.now(UTC)), "corr-12345678", EmailTarget("a@x.example"), content)
    return provider.send(outgoing, deadline=Deadline.after(10))


@pytest.mark.parametrize(
    ("preset", "user", "password"),
    [
        ("gmail", "user@example.com", "app-password"),
        ("sendgrid", "apikey", "SG.key"),
        ("mailgun", "postmaster@mg.example.com", "password"),
    ],
)
def test_a_preset_logs_in_as_its_provider_wants_it_and_sends(preset: str, user: str, password: str) -> None:
    with scripted_smtp(WITH_AUTH) as server, provider_for(server, preset) as provider:
        assert send(provider).provider == preset
        [login] = [command for command in server.commands if command.startswith("AUTH")]
        assert login == f"AUTH PLAIN {base64.b64encode(f'{chr(0)}{user}{chr(0)}{password}'.encode()).decode()}"
        assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("preset", "verb", "answer", "expected", "code"),
    [
        ("gmail", "AUTH", "454 4.7.0 Too many login attempts, please try again", ProviderThrottled, "454 4.7.0"),
        ("gmail", "AUTH", "535-5.7.8 User name and\r\n535 5.7.8 not accepted", ProviderMisconfigured, "535 5.7.8"),
        ("gmail", "MAIL", "550-5.4.5 Daily user sending\r\n550 5.4.5 limit exceeded", ProviderThrottled, "550 5.4.5"),
        ("gmail", ".", "550 5.4.5 Daily user sending limit exceeded", ProviderThrottled, "550 5.4.5"),
        ("gmail", "RCPT", "450 4.2.1 is receiving mail too quickly", MessageDeferred, "450 4.2.1"),
        ("gmail", "GREETING", "421 4.7.28 unusual rate of unsolicited mail", ProviderThrottled, "421 4.7.28"),
        ("gmail", "GREETING", "421 4.7.0 Try again later, closing connection", ProviderUnavailable, "421 4.7.0"),
        ("sendgrid", "AUTH", "451 Authentication failed: Maximum credits exceeded", ProviderThrottled, "451"),
        ("sendgrid", "RCPT", "452 Too many recipients received this hour (throttled)", ProviderThrottled, "452"),
        ("sendgrid", ".", "550 The from address is no verified Sender Identity", ProviderMisconfigured, "550"),
        ("mailgun", ".", "421 Domain x.example is not allowed to send: limit exceeded", ProviderThrottled, "421"),
        ("mailgun", ".", "421 Domain x.example is not allowed to send: activate it", ProviderMisconfigured, "421"),
    ],
)  # fmt: skip
def test_a_preset_s_own_codes_are_told_apart(
    preset: str, verb: str, answer: str, expected: type[DeliveryError], code: str
) -> None:
    with scripted_smtp({**WITH_AUTH, verb: answer}) as server, provider_for(server, preset) as provider:
        with pytest.raises(DeliveryError) as failed:
            send(provider)
        assert (type(failed.value), failed.value.provider, failed.value.provider_code) == (expected, preset, code)


def test_the_reply_to_a_login_is_what_counts_and_no_second_one_is_tried() -> None:
    """A server that counts logins hangs up after the first: a second try would meet nothing but silence."""
    with scripted_smtp({**WITH_AUTH, "AUTH": "454 4.7.0 Too many login attempts"}) as server:
        with provider_for(server, "gmail") as provider, pytest.raises(ProviderThrottled):
            send(provider)
        assert len([command for command in server.commands if command.startswith("AUTH")]) == 1


def test_a_server_without_a_mechanism_that_is_known_here_is_the_operator_s() -> None:
    only_oauth = {**WITH_AUTH, "EHLO": "250-test\r\n250 AUTH XOAUTH2"}
    with (
        scripted_smtp(only_oauth) as server,
        provider_for(server, "gmail") as provider,
        pytest.raises(ProviderMisconfigured),
    ):
        send(provider)


def test_a_challenge_that_cannot_be_read_is_the_operator_s_and_the_connection_is_closed() -> None:
    replies = {"EHLO": "250-test\r\n250 AUTH CRAM-MD5", "AUTH": "334 a"}
    with scripted_smtp(replies) as server, provider_for(server, "gmail") as provider:
        for _ in range(2):
            with pytest.raises(ProviderMisconfigured):
                send(provider)
        assert len(server.connections) == 2


def test_a_password_is_not_shown_in_clear_where_the_server_knows_better() -> None:
    challenge = base64.b64encode(b"<1896.697170952@test>").decode()
    replies = {
        "EHLO": "250-test\r\n250 AUTH PLAIN CRAM-MD5",
        "AUTH": f"334 {challenge}",
    }
    with scripted_smtp(replies) as server, provider_for(server, "gmail") as provider:
        with pytest.raises(DeliveryError):
            send(provider)
        assert [command for command in server.commands if command.startswith("AUTH")] == ["AUTH CRAM-MD5"]
