"""The mail sink's moods over real SMTP, as a client meets them on new connections and on kept ones."""

import smtplib
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from offline.doubles.mail_sink import RunningMailSink, running_mail_sink
from tests.e2e.waiting import eventually

MAIL = "Subject: mood\r\n\r\nx"
HOLD_S = 0.3


@pytest.fixture(scope="module")
def started_sink() -> Iterator[RunningMailSink]:
    with running_mail_sink(hold_s=HOLD_S) as sink:
        yield sink


@pytest.fixture
def sink(started_sink: RunningMailSink) -> Iterator[RunningMailSink]:
    """The module's sink, emptied and in the normal mood."""
    httpx.delete(f"{started_sink.http_url}/messages").raise_for_status()
    yield started_sink
    feel(started_sink, "normal")


def feel(sink: RunningMailSink, mode: str, **more: float) -> dict[str, Any]:
    answer = httpx.put(f"{sink.http_url}/mood", json={"mode": mode, **more})
    assert answer.status_code == 200, answer.text
    mood = answer.json()
    assert isinstance(mood, dict)
    return mood


def connect(sink: RunningMailSink, timeout_s: float = 5) -> smtplib.SMTP:
    return smtplib.SMTP(sink.host, sink.smtp_port, timeout=timeout_s)


def send(client: smtplib.SMTP, recipient: str = "ada@mail.test") -> None:
    client.sendmail("from@mail.test", [recipient], MAIL)


def answered(sink: RunningMailSink) -> list[bool]:
    return [each["answered"] for each in httpx.get(f"{sink.http_url}/messages").json()]


def test_the_mood_can_be_read_and_is_normal_at_first(sink: RunningMailSink) -> None:
    assert httpx.get(f"{sink.http_url}/mood").json()["mode"] == "normal"
    changed = feel(sink, "slow", after_s=0.5)
    assert httpx.get(f"{sink.http_url}/mood").json() == changed
    assert changed["after_s"] == 0.5


@pytest.mark.parametrize("content", [b'{"mode": "angry"}', b"no JSON"])
def test_an_unknown_mood_is_refused_and_changes_nothing(sink: RunningMailSink, content: bytes) -> None:
    answer = httpx.put(f"{sink.http_url}/mood", content=content)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert httpx.get(f"{sink.http_url}/mood").json()["mode"] == "normal"


def test_a_slow_sink_keeps_a_mail_and_answers_later(sink: RunningMailSink) -> None:
    with connect(sink) as client:
        feel(sink, "slow", after_s=0.3)
        began_s = time.monotonic()
        send(client)
        assert time.monotonic() - began_s >= 0.3
    assert answered(sink) == [True]


def test_a_refusing_sink_closes_at_the_greeting_and_on_a_kept_connection(sink: RunningMailSink) -> None:
    with connect(sink) as kept:
        send(kept)
        feel(sink, "refusing")
        with pytest.raises(smtplib.SMTPConnectError) as refused:
            connect(sink)
        assert refused.value.smtp_code == 421
        assert kept.docmd("NOOP")[0] == 421
        with pytest.raises(smtplib.SMTPServerDisconnected):
            kept.docmd("NOOP")
    assert len(answered(sink)) == 1


def test_a_sink_that_refuses_from_the_middle_of_a_mail_on_does_not_keep_it(sink: RunningMailSink) -> None:
    client = connect(sink)
    client.ehlo()
    client.mail("from@mail.test")
    client.rcpt("ada@mail.test")
    assert client.docmd("DATA")[0] == 354
    feel(sink, "refusing")
    client.send(b"Subject: x\r\n\r\n.\r\n")
    assert client.getreply()[0] == 421
    client.close()
    assert answered(sink) == []


def test_a_half_closing_sink_keeps_the_mail_and_the_client_reads_the_end(sink: RunningMailSink) -> None:
    feel(sink, "half_closing")
    with socket.create_connection((sink.host, sink.smtp_port), timeout=5) as connection:
        connection.sendall(b"MAIL FROM:<a@mail.test>\r\nRCPT TO:<b@mail.test>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n")
        replies = connection.makefile().read().splitlines()
        assert [reply[:3] for reply in replies] == ["220", "250", "250", "354"]
        for _ in range(3):
            connection.sendall(b"NOOP\r\n")
    assert answered(sink) == [False]


def test_a_sink_that_accepts_then_drops_keeps_the_mail_without_an_answer(sink: RunningMailSink) -> None:
    feel(sink, "accepts_then_drops")
    with connect(sink) as client, pytest.raises(smtplib.SMTPServerDisconnected):
        send(client)
    assert answered(sink) == [False]


def test_a_trickling_sink_defeats_a_timeout_a_read_and_says_the_rest_when_it_is_over_it(sink: RunningMailSink) -> None:
    feel(sink, "trickling", after_s=0.05)
    began_s = time.monotonic()
    with connect(sink, timeout_s=0.5) as client:
        assert time.monotonic() - began_s > 2 * 0.5
        feel(sink, "trickling", after_s=0.4)
        client.putcmd("NOOP")
        feel(sink, "normal")
        assert client.getreply()[0] == 250
        send(client)
    assert answered(sink) == [True]


def test_a_misconfigured_sink_refuses_the_account_and_keeps_the_connection(sink: RunningMailSink) -> None:
    with connect(sink) as client:
        client.ehlo()
        feel(sink, "misconfigured")
        assert client.mail("from@mail.test")[0] == 535
        feel(sink, "normal")
        send(client)
    assert answered(sink) == [True]


def test_a_poisonous_recipient_is_held_in_sight_and_then_accepted(sink: RunningMailSink) -> None:
    with connect(sink) as client:
        client.ehlo()
        client.mail("from@mail.test")
        client.putcmd("RCPT TO:<poison-1@mail.test>")
        (held,) = eventually(lambda: holding(sink), within_s=5, otherwise=lambda: "nothing is held")
        assert client.sock is not None
        assert held["recipient"] == "poison-1@mail.test"
        assert held["client_port"] == client.sock.getsockname()[1]
        assert client.getreply()[0] == 250
        assert holding(sink) == []
        assert client.data(MAIL)[0] == 250
    assert answered(sink) == [True]


def test_who_dies_while_it_is_held_is_held_no_more(sink: RunningMailSink) -> None:
    client = connect(sink)
    client.ehlo()
    client.mail("from@mail.test")
    client.putcmd("RCPT TO:<poison-1@mail.test>")
    eventually(lambda: holding(sink), within_s=5, otherwise=lambda: "nothing is held")
    client.close()
    eventually(lambda: holding(sink) == [], within_s=5, otherwise=lambda: holding(sink))
    assert answered(sink) == []


def holding(sink: RunningMailSink) -> list[dict[str, Any]]:
    answer = httpx.get(f"{sink.http_url}/holding").json()
    assert isinstance(answer, list)
    return answer
