"""What the sink reads out of a mail's bytes, and how recipients are scripted."""

from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest

from offline.doubles.bounded_log import BoundedLog
from offline.doubles.mail_message import ReceivedMail
from offline.doubles.mail_scripts import Recipients, Script, script_for


def received(raw: bytes) -> ReceivedMail:
    return ReceivedMail("from@mail.test", ("Ada@mail.test",), raw, "2026-01-01T00:00:00.000000Z", answered=True)


def test_a_multipart_mail_is_read_into_its_parts() -> None:
    message = EmailMessage()
    message["From"] = "Carillon <no-reply@mail.test>"
    message["To"] = "Zoë <ada@mail.test>"
    message["Subject"] = "Grüße ✓ " + "long " * 20
    message["Message-ID"] = "<1@mail.test>"
    message["X-Tag"] = "a"
    message["X-Tag"] = "b"
    message.set_content("Hello\nthere")
    message.add_alternative("<p>Hellö</p>", subtype="html")
    message.add_attachment(b"12345", maintype="application", subtype="pdf", filename="a.pdf")
    parsed = received(message.as_bytes()).to_json("1")
    assert parsed["subject"] == str(message["Subject"])
    assert parsed["to"] == "Zoë <ada@mail.test>"
    assert parsed["text"] == "Hello\nthere\n"
    assert parsed["html"] == "<p>Hellö</p>\n"
    assert parsed["attachments"] == [{"filename": "a.pdf", "content_type": "application/pdf", "size_bytes": 5}]
    assert parsed["message_id"] == "<1@mail.test>"
    assert isinstance(headers := parsed["headers"], dict)
    assert headers["X-Tag"] == ["a", "b"]
    assert parsed["envelope"] == {"mail_from": "from@mail.test", "rcpt_to": ["Ada@mail.test"]}


def test_a_text_attachment_is_not_the_body() -> None:
    message = MIMEMultipart()
    note = MIMEText("note")
    note.add_header("Content-Disposition", "attachment", filename="note.txt")
    message.attach(note)
    message.attach(MIMEText("body"))
    parsed = received(message.as_bytes()).to_json("1")
    assert parsed["text"] == "body"
    assert parsed["html"] is None


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        ("Subject: Grüße\r\n\r\nx".encode(), "Grüße"),
        (b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?q?_an_alle?=\r\n\r\nx", "Grüße an alle"),
        (b"Subject: =?nonsense?q?x?=\r\n\r\nx", "=?nonsense?q?x?="),
        (b"Subject: =?utf-8?b?a?=\r\n\r\nx", "=?utf-8?b?a?="),
        (b"no header at all", None),
        (b"", None),
    ],
)
def test_any_subject_is_read_and_none_breaks_the_sink(raw: bytes, subject: str | None) -> None:
    assert received(raw).to_json("1")["subject"] == subject
    assert received(raw).subject() == subject


def test_an_unknown_charset_is_read_somehow() -> None:
    raw = b"Content-Type: text/plain; charset=klingon\r\n\r\ncaf\xe9"
    assert received(raw).to_json("1")["text"] == "café"


def test_the_recipient_filter_ignores_case() -> None:
    assert received(b"").is_to("ada@MAIL.test")
    assert not received(b"").is_to("other@mail.test")


def test_the_longest_beginning_of_the_local_part_decides() -> None:
    assert script_for("defer-twice-x@mail.test") is Script.DEFER_TWICE
    assert script_for("Defer-x@mail.test") is Script.DEFER
    assert script_for("ada@defer-x.test") is Script.ACCEPT


def test_defer_twice_counts_each_address_for_itself() -> None:
    recipients = Recipients()
    replies = [recipients.answer("defer-twice-a@mail.test")[:3] for _ in range(4)]
    assert replies == ["451", "451", "250", "250"]
    assert recipients.answer("defer-twice-b@mail.test").startswith("451")
    recipients.reset()
    assert recipients.answer("defer-twice-a@mail.test").startswith("451")


def test_a_full_log_drops_its_oldest_entry_and_says_so() -> None:
    log: BoundedLog[str] = BoundedLog(keep=2)
    first, *rest = [log.append(entry) for entry in "abc"]
    assert [entry for _, entry in log] == ["b", "c"]
    assert (len(log), log.dropped) == (2, 1)
    assert log.find(first) is None
    assert log.find(rest[0]) == "b"
    log.clear()
    assert log.append("d") not in {first, *rest}
