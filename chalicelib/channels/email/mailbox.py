"""An address with a name, and how both stand in a header whatever they contain (RFC 5322, 2047, 5890, 6532)."""

import base64
import re
from dataclasses import dataclass
from email.utils import parseaddr

import idna

from chalicelib.errors import AddressRejected, InvalidSettings

WORD_BYTES = 39
"""Bytes of UTF-8 in one encoded word: 52 characters of base64, so that even the first line keeps RFC 2047's 76."""

LINE_CHARACTERS = 66
MAX_ADDRESS_CHARACTERS = 254

_ADDRESS = re.compile(
    r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,64}@[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f-\x9f\ud800-\udfff]+"
)
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)])


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address that can stand in an envelope and a header as it is: its domain is in its ASCII form."""

    address: str
    name: str | None = None

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]

    @property
    def needs_utf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can take it."""
        return not self.address.isascii()

    @property
    def header(self) -> str:
        """The value of a From or To header, folded."""
        return f"{_phrase(self.name)}\r\n <{self.address}>" if self.name and one_line(self.name) else self.address


def mailbox(address: str, name: str | None = None) -> Mailbox:
    """Check an address and bring its domain into its ASCII form.

    Raises:
        AddressRejected: no mail server could take it, or it would break out of a header.
    """
    if not _ADDRESS.fullmatch(address):
        raise AddressRejected("the address is malformed")
    local, _, domain = address.rpartition("@")
    try:
        checked = f"{local}@{domain if domain.isascii() else idna.encode(domain, uts46=True).decode()}"
    except UnicodeError:
        raise AddressRejected("the address has a malformed domain") from None
    if len(checked.encode()) > MAX_ADDRESS_CHARACTERS:
        raise AddressRejected("the address is too long")
    return Mailbox(checked, name)


def parse_sender(text: str) -> Mailbox:
    """Read `Name <address>` or a bare address, as an operator writes it.

    Raises:
        InvalidSettings: it is neither.
    """
    name, address = parseaddr(text)
    try:
        sender = mailbox(address, name or None)
    except AddressRejected as error:
        raise InvalidSettings(f"EMAIL_FROM must read `Name <address>` or `address`: {error}") from None
    if sender.needs_utf8:
        raise InvalidSettings("EMAIL_FROM must be an ASCII address, which every server takes")
    return sender


def one_line(text: str) -> str:
    """The text without line breaks, control characters and lone surrogates, runs of white space as one space."""
    words = (word.translate(_CONTROLS) for word in text.split())
    return " ".join(word for word in words if word).encode(errors="replace").decode()


def unstructured(text: str) -> str:
    """The value of a header such as Subject: folded, as it is when ASCII, else in encoded words."""
    line = one_line(text)
    if not line.isascii() or "=?" in line or len(line) > 900:
        return _encoded_words(line)
    return _folded(line)


def _phrase(name: str) -> str:
    line = one_line(name)
    if not line.isascii() or "=?" in line or len(line) > LINE_CHARACTERS:
        return _encoded_words(line)
    escaped = line.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _folded(line: str) -> str:
    lines = [""]
    for word in line.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) >= LINE_CHARACTERS:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return "\r\n ".join(lines)


def _encoded_words(line: str) -> str:
    chunks = [b""]
    for character in line:
        encoded = character.encode()
        if len(chunks[-1]) + len(encoded) > WORD_BYTES:
            chunks.append(b"")
        chunks[-1] += encoded
    return "\r\n ".join(f"=?utf-8?B?{base64.b64encode(chunk).decode()}?=" for chunk in chunks)
