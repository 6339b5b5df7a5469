"""How the SES provider treats connections, time and what SES answers."""

import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from moto import mock_aws

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.channels.email.ses import SesProvider
from chalicelib.domain.content import RenderedEmail
from chalicelib.domain.identity import new_id
from chalicelib.domain.recipient import EmailTarget
from chalicelib.errors import (
    AddressRejected,
    DeliveryError,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderUnavailable,
)
from tests.scripted_http import Asked, Reply, scripted_http
from tests.ses_double import accepted, raw_email, refused, ses_provider

DEADLINE_S = 0.5
SLACK_S = 2.0
THREADS = 8


def outgoing(address: str = "a@x.example") -> Outgoing:
    content = RenderedEmail(subject="Hi", html="<p>Hi</p>", text="Hi")
    return Outgoing(new_id(datetime.now(UTC)), "corr-12345678", EmailTarget(address, "Ann"), content)


def send(provider: SesProvider, sent: Outgoing | None = None, *, within_s: float = 10) -> Receipt:
    return provider.send(sent or outgoing(), deadline=Deadline.after(within_s))


def test_ses_gets_the_envelope_and_the_mail_and_names_it() -> None:
    sent = outgoing()
    with scripted_http(lambda _: accepted("0102-ses-id")) as server, ses_provider(server.url) as provider:
        assert send(provider, sent) == Receipt("ses", "0102-ses-id")
        [mail] = [raw_email(asked) for asked in server.asked]
    assert (mail.source, mail.destination) == ("no-reply@carillon.example", "a@x.example")
    assert f"Message-ID: <{sent.delivery_id}@carillon.example>\r\n".encode() in mail.content


def test_a_receiver_can_tell_a_repeat_although_ses_replaces_the_message_id() -> None:
    sent = outgoing()
    with scripted_http(lambda _: accepted()) as server, ses_provider(server.url) as provider:
        for _ in range(2):
            send(provider, sent)
        mails = [raw_email(asked) for asked in server.asked]
    assert [mail.delivery_id for mail in mails] == [str(sent.delivery_id)] * 2


def test_the_mock_of_aws_takes_what_is_sent_from_a_verified_address() -> None:
    with mock_aws(), ses_provider(None) as provider:
        with pytest.raises(ProviderMisconfigured):
            send(provider)
        provider._made().verify_domain_identity(Domain="carillon.example")
        assert send(provider).provider_message_id
        assert provider._made().get_send_quota()["SentLast24Hours"] == 2.0, "the envelope's, and the To header's"


def test_one_connection_carries_many_mails() -> None:
    with scripted_http(lambda _: accepted()) as server, ses_provider(server.url) as provider:
        for _ in range(5):
            send(provider)
        assert (server.connections, len(server.asked)) == (1, 5)


def test_connections_that_died_while_idle_cost_no_attempt() -> None:
    with scripted_http(lambda _: accepted()) as server, ses_provider(server.url) as provider:
        send(provider)
        server.drop_all()
        send(provider)
        assert (server.connections, len(server.asked)) == (2, 2)


def test_many_threads_share_one_client_and_keep_their_connections() -> None:
    with scripted_http(lambda _: accepted()) as server, ses_provider(server.url) as provider:
        for _ in range(3):
            with ThreadPoolExecutor(THREADS) as threads:
                assert len(list(threads.map(lambda _: send(provider), range(THREADS)))) == THREADS
        assert len(server.asked) == 3 * THREADS
        assert server.connections <= THREADS


@pytest.mark.parametrize(
    ("reply", "error", "code"),
    [
        (refused("Throttling", "Maximum sending rate exceeded."), ProviderThrottled, "Throttling"),
        (refused("ServiceUnavailable", "later", status=503), ProviderUnavailable, "ServiceUnavailable"),
        (Reply(502, b"<html>bad gateway</html>"), ProviderUnavailable, "502"),
        (Reply(500), ProviderUnavailable, "500"),
        (Reply(504, b"<html>gateway timeout</html>"), OutcomeUnknown, "504"),
        (Reply(body=b"<html>"), OutcomeUnknown, None),
        (Reply(body=b"<a/>"), OutcomeUnknown, None),
        (Reply(hangs_up=True), OutcomeUnknown, None),
    ],
    ids=["throttled", "unavailable", "gateway", "empty 500", "gateway timeout", "no XML", "other XML", "no answer"],
)
def test_an_answer_is_reported_at_once_and_not_asked_for_again_behind_our_back(
    reply: Reply, error: type[DeliveryError], code: str | None
) -> None:
    with scripted_http(lambda _: reply) as server, ses_provider(server.url) as provider:
        with pytest.raises(DeliveryError) as failed:
            send(provider)
        assert len(server.asked) == 1
    assert (type(failed.value), failed.value.provider, failed.value.provider_code) == (error, "ses", code)


def test_a_wish_to_wait_is_kept() -> None:
    busy = refused("ServiceUnavailable", "later", status=503, headers={"Retry-After": "17"})
    with (
        scripted_http(lambda _: busy) as server,
        ses_provider(server.url) as provider,
        pytest.raises(ProviderUnavailable) as failed,
    ):
        send(provider)
    assert failed.value.retry_after_s == 17


def test_a_failure_leaves_the_next_mail_unharmed() -> None:
    replies = iter([Reply(hangs_up=True), refused("Throttling", "Rate"), accepted()])
    with scripted_http(lambda _: next(replies)) as server, ses_provider(server.url) as provider:
        for error in (OutcomeUnknown, ProviderThrottled):
            with pytest.raises(error):
                send(provider)
        assert send(provider).provider_message_id


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with ses_provider(f"http://127.0.0.1:{port}") as provider, pytest.raises(ProviderUnavailable):
        send(provider)


@contextmanager
def tls_server_to_be() -> Iterator[tuple[socket.socket, str]]:
    """One that takes connections, and never says a word of TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener, f"https://127.0.0.1:{listener.getsockname()[1]}"


def test_a_server_that_hangs_up_within_the_handshake_got_nothing() -> None:
    with tls_server_to_be() as (listener, url), ThreadPoolExecutor(1) as threads, ses_provider(url) as provider:
        sending = threads.submit(send, provider)
        listener.accept()[0].close()
        with pytest.raises(ProviderUnavailable):
            sending.result()


def test_a_handshake_that_never_ends_is_ended_by_the_deadline() -> None:
    with tls_server_to_be() as (_, url), ses_provider(url) as provider:
        began_s = time.monotonic()
        with pytest.raises(ProviderUnavailable):
            send(provider, within_s=DEADLINE_S)
        assert time.monotonic() - began_s < DEADLINE_S + SLACK_S


def test_the_provider_s_own_timeout_ends_a_send_before_a_later_deadline() -> None:
    replies = iter([accepted(), Reply(after_s=9)])
    with scripted_http(lambda _: next(replies)) as server, ses_provider(server.url, timeout_s=3) as provider:
        send(provider)
        began_s = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            send(provider, within_s=9)
        assert time.monotonic() - began_s < 3 + SLACK_S


def test_an_address_beyond_ascii_is_refused_without_asking() -> None:
    with scripted_http(lambda _: accepted()) as server, ses_provider(server.url) as provider:
        with pytest.raises(AddressRejected):
            send(provider, outgoing("jürgen@x.example"))
        assert server.asked == []


def test_the_connections_to_aws_itself_verify_whom_they_talk_to() -> None:
    with ses_provider(None) as provider:
        http = provider._made()._endpoint.http_session
        context = http._manager.connection_pool_kw["ssl_context"]
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        assert http._verify, "and trusts only whom AWS_CA_BUNDLE, botocore and the machine trust"


def _send_by_settings(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    program = (
        "from datetime import UTC, datetime;"
        "from chalicelib.channels.base import Deadline, Outgoing;"
        "from chalicelib.channels.registry import email_providers;"
        "from chalicelib.domain.content import RenderedEmail;"
        "from chalicelib.domain.identity import new_id;"
        "from chalicelib.domain.provider_url import ProviderUrl;"
        "from chalicelib.domain.recipient import EmailTarget;"
        "[p] = email_providers([ProviderUrl.parse('ses://eu-west-1')], sender='a@x.example', timeout_s=5);"
        "o = Outgoing(new_id(datetime.now(UTC)), 'c', EmailTarget('b@x.example'), RenderedEmail('s', 'h', 't'));"
        "print(p.send(o, deadline=Deadline.after(5)).provider_message_id)"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": "/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED": "true", **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_endpoint_and_credentials_are_found_where_boto3_finds_them() -> None:
    def signed(asked: Asked) -> Reply:
        return accepted("by-settings") if raw_email(asked).source == "a@x.example" else Reply(400)

    with scripted_http(signed) as server:
        keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL": server.url}
        found = _send_by_settings(keys)
    assert found.stdout.strip() == "by-settings", found.stderr


def test_without_credentials_an_operator_must_act() -> None:
    failed = _send_by_settings({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert "ProviderMisconfigured" in failed.stderr
