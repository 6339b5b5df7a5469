"""The mail sink over real SMTP and HTTP."""

import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import httpx
import pytest

from offline.doubles.mail_sink import RunningMailSink, running_mail_sink
from offline.doubles.mail_smtp import MAX_MESSAGE_BYTES

SLOW_S = 0.2


@pytest.fixture(scope="module")
def started_sink() -> Iterator[RunningMailSink]:
    with running_mail_sink(slow_s=SLOW_S, keep=500) as sink:
        yield sink


@pytest.fixture
def sink(started_sink: RunningMailSink) -> RunningMailSink:
    """The module's sink, emptied."""
    httpx.delete(f"{started_sink.http_url}/messages").raise_for_status()
    return started_sink


def connect(sink: RunningMailSink) -> smtplib.SMTP:
    return smtplib.SMTP(sink.host, sink.smtp_port, timeout=5)


def mail(subject: str = "Hello") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "from@mail.test", "ada@mail.test", subject
    message.set_content("text")
    return message


def messages(sink: RunningMailSink, **query: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{sink.http_url}/messages", params=query).json()
    assert isinstance(answer, list)
    return answer


def test_mails_of_one_connection_are_kept_in_order(sink: RunningMailSink) -> None:
    with connect(sink) as client:
        for number in range(45):
            client.send_message(mail(f"number {number}"))
    kept = messages(sink)
    assert [each["subject"] for each in kept] == [f"number {number}" for number in range(45)]
    assert all(each["answered"] for each in kept)
    assert httpx.get(f"{sink.http_url}/health").json() == {"status": "ok", "messages": 45, "dropped": 0}


def test_an_empty_sink_is_an_empty_array(sink: RunningMailSink) -> None:
    assert messages(sink) == []


def test_the_raw_message_is_what_was_sent(sink: RunningMailSink) -> None:
    raw = b"Subject: dots\r\n\r\n.one\r\n..two\r\n.\n.\r\r\nend \xff\r\n"
    with connect(sink) as client:
        client.ehlo()
        client.docmd("MAIL FROM:<a@mail.test>")
        client.docmd("RCPT TO:<b@mail.test>")
        client.docmd("DATA")
        client.send(raw.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        assert client.getreply()[0] == 250
    (kept,) = messages(sink)
    response = httpx.get(f"{sink.http_url}/messages/{kept['id']}/raw")
    assert response.headers["content-type"] == "message/rfc822"
    assert response.content == raw
    assert httpx.get(f"{sink.http_url}/messages/{kept['id']}").json() == kept
    assert httpx.get(f"{sink.http_url}/messages/unknown").status_code == 404


def test_the_filter_finds_a_recipient(sink: RunningMailSink) -> None:
    with connect(sink) as client:
        client.sendmail("f@mail.test", ["a@mail.test", "b@mail.test"], "Subject: both\r\n\r\nx")
        client.sendmail("f@mail.test", ["c@mail.test"], "Subject: one\r\n\r\nx")
    assert [each["subject"] for each in messages(sink, to="B@mail.test")] == ["both"]
    assert messages(sink, to="d@mail.test") == []


def test_utf8_addresses_need_and_have_smtputf8(sink: RunningMailSink) -> None:
    message = mail("Grüße")
    message.replace_header("To", "jürgen@mail.test")
    with connect(sink) as client:
        client.send_message(message)
    (kept,) = messages(sink, to="jürgen@mail.test")
    assert kept["subject"] == "Grüße"


def test_defer_twice_is_deferred_twice_and_then_accepted(sink: RunningMailSink) -> None:
    with connect(sink) as client:
        for _ in range(2):
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                client.send_message(mail(), to_addrs=["defer-twice-a@mail.test"])
            assert refused.value.recipients["defer-twice-a@mail.test"][0] == 451
        client.send_message(mail(), to_addrs=["defer-twice-a@mail.test"])
    assert len(messages(sink)) == 1


@pytest.mark.parametrize(("recipient", "code"), [("defer-a@mail.test", 451), ("reject-a@mail.test", 550)])
def test_a_refused_recipient_gets_no_mail_and_the_others_do(sink: RunningMailSink, recipient: str, code: int) -> None:
    with connect(sink) as client:
        refused = client.send_message(mail(), to_addrs=[recipient, "ada@mail.test"])
    assert refused[recipient][0] == code
    assert messages(sink)[0]["envelope"]["rcpt_to"] == ["ada@mail.test"]


def test_deleting_the_messages_resets_the_scripts(sink: RunningMailSink) -> None:
    with connect(sink) as client:
        client.mail("f@mail.test")
        assert client.rcpt("defer-twice-a@mail.test")[0] == 451
        assert client.rcpt("defer-twice-a@mail.test")[0] == 451
        httpx.delete(f"{sink.http_url}/messages").raise_for_status()
        assert client.rcpt("defer-twice-a@mail.test")[0] == 451


def test_a_slow_recipient_is_answered_after_the_delay(sink: RunningMailSink) -> None:
    with connect(sink) as client:
        started = time.monotonic()
        client.send_message(mail(), to_addrs=["slow-a@mail.test"])
        assert time.monotonic() - started >= SLOW_S
    assert [each["answered"] for each in messages(sink)] == [True]


def test_a_mail_is_kept_before_its_slow_answer_and_stays_unanswered_when_the_client_leaves() -> None:
    with running_mail_sink(slow_s=3600) as sink:
        with connect(sink) as client:
            client.ehlo()
            client.mail("a@mail.test")
            client.rcpt("slow-b@mail.test")
            client.docmd("DATA")
            client.send(b"Subject: 1\r\n\r\n.\r\n")
            until = time.monotonic() + 5
            while not messages(sink):
                assert time.monotonic() < until
            client.close()
        with connect(sink) as client:
            client.send_message(mail("2"))
        assert [(each["subject"], each["answered"]) for each in messages(sink)] == [("1", False), ("2", True)]


def test_a_dropped_mail_is_kept_and_marked_unanswered(sink: RunningMailSink) -> None:
    with connect(sink) as client, pytest.raises(smtplib.SMTPServerDisconnected):
        client.send_message(mail(), to_addrs=["drop-a@mail.test"])
    assert [each["answered"] for each in messages(sink)] == [False]


def test_pipelined_commands_in_any_pieces_are_answered_in_order(sink: RunningMailSink) -> None:
    commands = (
        b"EHLO me\r\nMAIL FROM:<a@mail.test> BODY=8BITMIME\r\nRCPT TO:<slow-b@mail.test>\r\nDATA\r\n"
        b"Subject: 1\r\n\r\nx\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<c@mail.test>\r\nDATA\r\n.\r\nQUIT\r\n"
    )
    with socket.create_connection((sink.host, sink.smtp_port), timeout=5) as connection:
        for start in range(0, len(commands), 7):
            connection.sendall(commands[start : start + 7])
        replies = connection.makefile().read().splitlines()
    finals = [reply[:3] for reply in replies if reply[3] == " "]
    assert finals == ["220", "250", "250", "250", "354", "250", "250", "250", "354", "250", "221"]
    assert [each["subject"] for each in messages(sink)] == ["1", None]
    raw = httpx.get(f"{sink.http_url}/messages/{messages(sink)[1]['id']}/raw").content
    assert raw == b""


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("NONSENSE", 500),
        ("RCPT TO:<a@mail.test>", 503),
        ("DATA", 503),
        ("MAIL FROM:a@mail.test", 501),
        ("MAIL TO:<a@mail.test>", 501),
        ("MAIL FROM:<a@mail.test> SIZE=999999999", 552),
        ("MAIL FROM:<a@mail.test> SIZE=big", 501),
        ("MAIL FROM:<a@mail.test> AUTH=<>", 555),
        ("MAIL FROM:<a@mail.test>", 250),
        ("NOOP", 250),
        ("RSET", 250),
        ("VRFY ada", 252),
        ("HELO me", 250),
    ],
)
def test_commands_out_of_order_or_form_are_refused(sink: RunningMailSink, command: str, code: int) -> None:
    with connect(sink) as client:
        assert client.docmd(command)[0] == code


def test_a_command_without_end_is_cut_off(sink: RunningMailSink) -> None:
    with socket.create_connection((sink.host, sink.smtp_port), timeout=5) as connection:
        connection.sendall(b"x" * 5000)
        assert connection.makefile().read().splitlines()[1].startswith("500 ")


def test_a_mail_over_the_limit_is_refused_and_the_connection_goes_on(sink: RunningMailSink) -> None:
    with connect(sink) as client:
        client.mail("a@mail.test")
        client.rcpt("b@mail.test")
        assert client.data(b"x" * (MAX_MESSAGE_BYTES + 1))[0] == 552
        client.send_message(mail())
    assert len(messages(sink)) == 1


def test_only_the_latest_mails_are_kept(sink: RunningMailSink) -> None:
    with connect(sink) as client:
        for _ in range(503):
            client.sendmail("f@mail.test", ["a@mail.test"], "")
    assert httpx.get(f"{sink.http_url}/health").json() == {"status": "ok", "messages": 500, "dropped": 3}


def test_the_page_lists_the_latest_mails_first_and_loads_nothing_from_elsewhere(sink: RunningMailSink) -> None:
    with connect(sink) as client:
        client.send_message(mail("first"))
        client.send_message(mail("second"))
    page = httpx.get(f"{sink.http_url}/").text
    assert "sandbox" in page
    assert "https://" not in page
    listed = httpx.get(f"{sink.http_url}/list").json()
    assert [each["subject"] for each in listed["mails"]] == ["second", "first"]


def test_the_command_serves_until_sigterm() -> None:
    command = [sys.executable, "-m", "offline.doubles.mail_sink", "--smtp-port", "0", "--http-port", "0"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready.startswith("mail sink ready: smtp://127.0.0.1:")
        smtp_port = int(ready.split()[3].rpartition(":")[2])
        with smtplib.SMTP("127.0.0.1", smtp_port, timeout=5) as client:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=5) == 0
            client.close()
