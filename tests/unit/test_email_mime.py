"""The bytes of an e-mail, read back by the standard library's parser."""

import email
import email.policy
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.channels.email.mailbox import Mailbox, mailbox, one_line, parse_sender
from chalicelib.channels.email.mime import Mail, compose
from chalicelib.domain.content import RenderedEmail
from chalicelib.errors import AddressRejected, InvalidSettings

DELIVERY_ID = UUID("01940000-0000-7000-8000-000000000001")
SENDER = Mailbox("no-reply@carillon.example", "Carillon")
EXPECTED_HEADERS = {
    "Date", "From", "To", "Subject", "Message-ID", "X-Delivery-ID", "X-Correlation-ID", "Auto-Submitted",
    "MIME-Version", "Content-Type",
}  # fmt: skip


def composed(
    *,
    subject: str = "Subject",
    html: str = "<p>Body</p>",
    text: str = "Body",
    name: str | None = None,
    address: str = "a@x.example",
    correlation_id: str = "corr-12345678",
) -> Mail:
    return compose(
        RenderedEmail(subject=subject, html=html, text=text),
        delivery_id=DELIVERY_ID,
        correlation_id=correlation_id,
        sender=SENDER,
        recipient=mailbox(address, name),
        at=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
    )


def parsed(mail: Mail) -> EmailMessage:
    message = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert isinstance(part, EmailMessage)
    content = part.get_content()
    assert isinstance(content, str)
    return content


def test_headers_say_who_what_and_when() -> None:
    message = parsed(composed(name="Ann"))
    assert set(message.keys()) == EXPECTED_HEADERS
    assert message["From"] == "Carillon <no-reply@carillon.example>"
    assert message["To"] == "Ann <a@x.example>"
    assert message["Date"] == "Sun, 22 Nov 2026 12:00:00 +0000"
    assert message["Message-ID"] == f"<{DELIVERY_ID}@carillon.example>"
    assert message["X-Correlation-ID"] == "corr-12345678"
    assert message.get_content_type() == "multipart/alternative"


def test_text_comes_before_html_so_that_readers_prefer_html() -> None:
    kinds = [part.get_content_type() for part in parsed(composed()).iter_parts()]
    assert kinds == ["text/plain", "text/html"]


def test_the_same_delivery_has_the_same_message_id_at_every_attempt() -> None:
    assert composed(subject="one").message_id == composed(subject="two").message_id


@given(st.text(), st.text(), st.text(min_size=1), st.text())
def test_nothing_in_subject_name_or_correlation_id_adds_a_header(
    subject: str, name: str, correlation_id: str, html: str
) -> None:
    message = parsed(composed(subject=subject, name=name, correlation_id=correlation_id, html=html, text=html))
    assert set(message.keys()) == EXPECTED_HEADERS
    assert len(message.keys()) == len(EXPECTED_HEADERS)


@given(st.text(max_size=400))
@example("0\r\x1b\r0")
def test_a_subject_reads_back_as_one_line(subject: str) -> None:
    assert one_line(str(parsed(composed(subject=subject))["Subject"])) == one_line(subject)


@given(st.text(max_size=200))
def test_a_name_reads_back_and_the_address_stays_the_only_one(name: str) -> None:
    content = composed(name=name).content
    [(shown, address)] = getaddresses([email.message_from_bytes(content)["To"]])
    assert address == "a@x.example"
    assert one_line(str(make_header(decode_header(shown)))) == one_line(name)


LINES = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=200)


@given(st.lists(LINES, max_size=8))
def test_bodies_read_back_unchanged(lines: list[str]) -> None:
    written = "\n".join(lines)
    message = parsed(composed(text=written, html=written))
    assert body(message, "plain").replace("\r\n", "\n") == written
    assert body(message, "html").replace("\r\n", "\n") == written


@given(st.text(), st.text(), st.text())
def test_the_wire_sees_short_ascii_lines_ending_in_crlf(subject: str, name: str, text: str) -> None:
    content = composed(subject=subject, name=name, text=text, html=text).content
    assert content.endswith(b"\r\n")
    assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998


def test_a_subject_that_looks_encoded_is_shown_as_it_was_written() -> None:
    message = parsed(composed(subject="=?utf-8?B?SGVsbG8=?="))
    assert message["Subject"] == "=?utf-8?B?SGVsbG8=?="


def test_long_subjects_are_folded() -> None:
    content = composed(subject="word " * 60).content
    assert max(map(len, content.split(b"\r\n"))) <= 76


def test_a_domain_beyond_ascii_is_named_as_dns_does_and_not_confused_with_another() -> None:
    assert mailbox("a@bücher.example").address == "a@xn--bcher-kva.example"
    assert mailbox("a@straße.example").address != "a@strasse.example"


def test_a_local_part_beyond_ascii_needs_a_server_that_takes_it() -> None:
    assert mailbox("jürgen@x.example").needs_utf8
    assert not mailbox("j@bücher.example").needs_utf8


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ab",
        "@x",
        "a@",
        "a@b@c",
        "a b@x",
        "a@x\r\nRCPT TO:<b@x>",
        "a\n@x",
        "<a@x>",
        "a@x>",
        "a,b@x",
        '"a"@x',
        "a@x\x00",
        "a" * 65 + "@x",
        "a@" + "x" * 260,
        "a@é..x",
        "a@\ud800x",
    ],
)
def test_an_address_that_could_break_out_or_go_nowhere_is_rejected(address: str) -> None:
    with pytest.raises(AddressRejected):
        mailbox(address)


def test_the_sender_is_read_with_or_without_a_name() -> None:
    assert parse_sender("Carillon <no-reply@x.example>") == Mailbox("no-reply@x.example", "Carillon")
    assert parse_sender("no-reply@x.example") == Mailbox("no-reply@x.example")


@pytest.mark.parametrize("text", ["", "Carillon", "Carillon <>", "jürgen@x.example"])
def test_a_malformed_sender_stops_the_start(text: str) -> None:
    with pytest.raises(InvalidSettings, match="EMAIL_FROM"):
        parse_sender(text)
