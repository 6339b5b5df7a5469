"""How the SMTP provider treats connections: kept, replaced when dead, ended by the deadline."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.channels.email.mailbox import Mailbox
from chalicelib.channels.email.smtp import SmtpProvider
from chalicelib.domain.content import RenderedEmail
from chalicelib.domain.identity import new_id
from chalicelib.domain.provider_url import ProviderUrl
from chalicelib.domain.recipient import EmailTarget
from chalicelib.errors import AddressRejected, MessageRefused, OutcomeUnknown, ProviderUnavailable
from tests.scripted_smtp import Connection, ScriptedSmtp, scripted_smtp

DEADLINE_S = 0.5
SLACK_S = 2.0


class Clock:
    """Wall time that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def provider_for(server: ScriptedSmtp, clock: Callable[[], datetime] | None = None) -> Iterator[SmtpProvider]:
    url = ProviderUrl.parse(f"smtp://127.0.0.1:{server.port}?tls=none")
    provider = SmtpProvider(url, sender=Mailbox("no-reply@x.example"), timeout_s=10, now=clock or Clock())
    try:
        yield provider
    finally:
        provider.close()


def send(provider: SmtpProvider, *, text: str = "Hi", address: str = "a@x.example", within_s: float = 10) -> Receipt:
    content = RenderedEmail(subject="Hi", html="<p>Hi</p>", text=text)
    outgoing = Outgoing(new_id(datetime.now(UTC)), "corr-12345678", EmailTarget(address), content)
    return provider.send(outgoing, deadline=Deadline.after(within_s))


def test_one_connection_carries_many_mails() -> None:
    with scripted_smtp() as server, provider_for(server) as provider:
        for _ in range(5):
            send(provider)
        assert len(server.connections) == 1
        assert len(server.mails) == 5


def test_connections_outlive_the_threads_that_used_them() -> None:
    with scripted_smtp() as server, provider_for(server) as provider:
        for _ in range(4):
            with ThreadPoolExecutor(1) as threads:
                threads.submit(send, provider).result()
        assert len(server.connections) == 1


def test_lines_that_begin_with_a_dot_arrive_whole() -> None:
    with scripted_smtp() as server, provider_for(server) as provider:
        send(provider, text=".one\n..two\n" + "word " * 30)
        [mail] = server.mails
        assert b"\r\n..one\r\n...two\r\n" in mail


def test_a_connection_that_died_while_idle_is_replaced_within_the_attempt() -> None:
    with scripted_smtp() as server, provider_for(server) as provider:
        send(provider)
        server.drop_all()
        send(provider)
        assert len(server.connections) == 2
        assert len(server.mails) == 2


def test_when_many_died_no_attempt_is_lost_and_no_dead_one_is_tried_twice() -> None:
    barrier = threading.Barrier(6)

    def together(_: int) -> None:
        barrier.wait()
        send(provider)

    with scripted_smtp() as server, provider_for(server) as provider, ThreadPoolExecutor(6) as threads:
        list(threads.map(together, range(6)))
        server.drop_all()
        list(threads.map(together, range(6)))
        assert len(server.mails) == 12


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_closes_a_kept_connection_with_421_costs_no_attempt(verb: str) -> None:
    with scripted_smtp() as server, provider_for(server) as provider:
        send(provider)
        server.answers[verb] = _once("421 4.7.0 closing", then="354 go on" if verb == "DATA" else "250 OK")
        send(provider)
        assert len(server.connections) == 2
        assert len(server.mails) == 2


def _once(said: str, *, then: str) -> Callable[[Connection], str]:
    answers = iter([said])
    return lambda _: next(answers, then)


def test_a_connection_idle_for_long_shows_that_it_lives_before_it_is_used() -> None:
    clock = Clock()
    with scripted_smtp() as server, provider_for(server, clock) as provider:
        send(provider)
        clock.now += timedelta(minutes=10)
        send(provider)
        assert server.commands.count("RSET") == 1
        assert len(server.connections) == 1


def test_a_peer_that_vanished_without_a_word_is_found_out_quickly() -> None:
    """What a frozen function wakes up to: the other side has forgotten the connection, and no packet says so."""
    clock, silent = Clock(), threading.Event()

    def say_nothing(_: Connection) -> None:
        silent.wait(8)

    with scripted_smtp({"RSET": say_nothing}) as server, provider_for(server, clock) as provider:
        send(provider)
        clock.now += timedelta(minutes=10)
        began_s = time.monotonic()
        send(provider)
        silent.set()
        assert time.monotonic() - began_s < 4
        assert len(server.mails) == 2


def test_a_refused_mail_leaves_the_connection_good_for_the_next() -> None:
    with scripted_smtp({"RCPT": _once("550 5.1.1 unknown", then="250 OK")}) as server, provider_for(server) as provider:
        with pytest.raises(AddressRejected):
            send(provider)
        send(provider)
        assert len(server.connections) == 1
        assert server.commands.count("RSET") == 1


def test_a_refusal_after_the_data_is_the_message_s_and_ends_nothing() -> None:
    with scripted_smtp({".": _once("554 5.7.1 spam", then="250 OK")}) as server, provider_for(server) as provider:
        with pytest.raises(MessageRefused):
            send(provider)
        send(provider)
        assert len(server.connections) == 1


def test_a_connection_lost_after_the_final_dot_leaves_the_outcome_unknown_and_is_not_tried_again() -> None:
    with scripted_smtp({".": lambda connection: connection.drop()}) as server, provider_for(server) as provider:
        with pytest.raises(OutcomeUnknown):
            send(provider)
        assert len(server.mails) == 1


def test_a_fresh_connection_lost_before_the_data_is_the_provider_s_fault() -> None:
    with scripted_smtp({"DATA": lambda connection: connection.drop()}) as server, provider_for(server) as provider:
        with pytest.raises(ProviderUnavailable):
            send(provider)
        assert server.mails == []


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with scripted_smtp() as server:
        gone = server
    with provider_for(gone) as provider, pytest.raises(ProviderUnavailable):
        send(provider)


@pytest.mark.parametrize("verb", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "."])
def test_a_server_that_trickles_bytes_does_not_hold_a_send_past_its_deadline(verb: str) -> None:
    pause = threading.Event()

    def trickle(connection: Connection) -> None:
        connection.trickle("250-and so on" * 100, pause, every_s=0.05)

    expected = OutcomeUnknown if verb == "." else ProviderUnavailable
    with scripted_smtp({verb: trickle}) as server, provider_for(server) as provider:
        began_s = time.monotonic()
        with pytest.raises(expected):
            send(provider, within_s=DEADLINE_S)
        assert time.monotonic() - began_s < DEADLINE_S + SLACK_S
        pause.set()


def test_a_server_that_reads_nothing_does_not_hold_a_send_past_its_deadline() -> None:
    held = threading.Event()

    def stop_reading(connection: Connection) -> None:
        connection.socket.sendall(b"354 go on\r\n")
        held.wait(9)

    with scripted_smtp({"DATA": stop_reading}) as server, provider_for(server) as provider:
        began_s = time.monotonic()
        with pytest.raises(ProviderUnavailable):
            send(provider, text="x" * 12_000_000, within_s=DEADLINE_S * 3)
        assert time.monotonic() - began_s < DEADLINE_S * 3 + SLACK_S
        held.set()


def test_the_provider_s_own_timeout_ends_a_send_before_a_later_deadline() -> None:
    held = threading.Event()

    def say_nothing(_: Connection) -> None:
        held.wait(9)

    with scripted_smtp({"MAIL": say_nothing}) as server:
        url = ProviderUrl.parse(f"smtp://127.0.0.1:{server.port}?tls=none")
        provider = SmtpProvider(url, sender=Mailbox("no-reply@x.example"), timeout_s=DEADLINE_S)
        began_s = time.monotonic()
        with pytest.raises(ProviderUnavailable):
            send(provider)
        assert time.monotonic() - began_s < DEADLINE_S + SLACK_S
        held.set()


def test_a_server_without_smtputf8_takes_no_local_part_beyond_ascii() -> None:
    with scripted_smtp() as server, provider_for(server) as provider:
        with pytest.raises(AddressRejected):
            send(provider, address="jürgen@x.example")
        send(provider)
        assert len(server.mails) == 1


def test_a_server_with_smtputf8_is_asked_for_it_only_when_needed() -> None:
    with (
        scripted_smtp({"EHLO": "250-test\r\n250-8BITMIME\r\n250 SMTPUTF8"}) as server,
        provider_for(server) as provider,
    ):
        send(provider, address="jürgen@x.example")
        send(provider)
        assert [command.endswith("SMTPUTF8") for command in server.commands if command.startswith("MAIL")] == [
            True,
            False,
        ]
