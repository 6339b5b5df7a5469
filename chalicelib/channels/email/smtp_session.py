"""One SMTP connection, used by one thread at a time: opened, encrypted, authenticated, then any number of mails."""

import contextlib
import re
import smtplib
import ssl

from chalicelib.channels.base import Deadline
from chalicelib.channels.deadline import open_socket, within
from chalicelib.channels.email.mime import Mail
from chalicelib.channels.email.smtp_errors import reply_text
from chalicelib.channels.email.smtp_table import Step
from chalicelib.domain.provider_url import ProviderUrl, Tls
from chalicelib.errors import AddressRejected

PROBE_TIMEOUT_S = 2.0

SERVICE_CLOSING = 421
"""The server ends the connection and takes nothing more on it (RFC 5321 §3.8)."""

_QUEUED_AS = re.compile(r"(?:queued as|id=|\bOk\b)\s*(?=[\w.-]*\d)([A-Za-z0-9][\w.-]{5,})", re.IGNORECASE)


class _Client(smtplib.SMTP):
    """smtplib over deadline sockets."""

    def __init__(self, url: ProviderUrl, tls: ssl.SSLContext, hello_name: str) -> None:
        self._implicit_tls = tls if url.tls is Tls.TLS else None
        super().__init__(url.host, url.port, local_hostname=hello_name)

    def connect(
        self,
        host: str = "localhost",
        port: int = 0,
        source_address: object = None,  # noqa: ARG002 -- the base class's signature
    ) -> tuple[int, bytes]:
        connection = open_socket(host, port)
        try:
            wrapped = (
                self._implicit_tls.wrap_socket(connection, server_hostname=host) if self._implicit_tls else connection
            )
        except OSError:
            connection.close()
            raise
        self.file = None
        self.sock = wrapped
        return self.getreply()


class SmtpSession:
    """Carries mails over one connection. `step` tells how far the last call came, also when it raised.

    Every method runs within the thread's deadline and raises OSError, of which smtplib's errors and TimeoutError are
    kinds. After anything but a refusal of one mail the session is `lost`.
    """

    def __init__(self, url: ProviderUrl, *, tls: ssl.SSLContext, hello_name: str) -> None:
        self._url = url
        self._tls = tls
        self._hello_name = hello_name
        self._client: _Client | None = None
        self._needs_reset = False
        self.kept = False
        self.step = Step.CONNECT

    @property
    def lost(self) -> bool:
        return self._client is None or self._client.sock is None

    def distrust(self) -> None:
        """Make the next mail wait until the server has shown that it still listens."""
        self._needs_reset = True

    def transmit(self, mail: Mail) -> str:
        """Hand over one mail; return the server's words of acceptance.

        Raises:
            OSError: see `step`.
            AddressRejected: the server lacks what the address needs.
        """
        self.kept = self._client is not None
        client = self._client or self._open()
        if self._needs_reset:
            self._reset(client)
        if mail.recipient.needs_utf8 and not client.has_extn("smtputf8"):
            raise AddressRejected("the server takes no address with letters beyond ASCII (SMTPUTF8)")
        self._needs_reset = True
        self._name_both_ends(client, mail)
        self.step = Step.MESSAGE
        self._require(client.docmd("DATA"), 354)
        client.send(_dot_stuffed(mail.content))
        self.step = Step.ANSWER
        answer = self._require(client.getreply(), 250)
        self._needs_reset = False
        return answer

    def close(self) -> None:
        """Drop the connection without a word: it may be dead."""
        if self._client is not None:
            self._client.close()

    def quit(self) -> None:
        """Say goodbye if the server still listens, and close."""
        with contextlib.suppress(OSError):
            if self._client is not None:
                self._client.quit()
        self.close()

    def _open(self) -> _Client:
        self.step = Step.CONNECT
        client = _Client(self._url, self._tls, self._hello_name)
        try:
            self._introduce(client)
        except OSError:
            client.close()
            raise
        except ValueError:  # its context would hold the password
            client.close()
            raise smtplib.SMTPNotSupportedError("a login that smtplib cannot read or write") from None
        self._client = client
        return client

    def _introduce(self, client: _Client) -> None:
        client.ehlo_or_helo_if_needed()
        if self._url.tls is Tls.STARTTLS:
            self.step = Step.ENCRYPT
            self._require(client.starttls(context=self._tls), 220)
            client.ehlo_or_helo_if_needed()
        if self._url.username and self._url.password:
            self.step = Step.AUTHENTICATE
            self._log_in(client, self._url.username, self._url.password)

    def _log_in(self, client: _Client, username: str, password: str) -> None:
        """By one mechanism, once: a second try would hide the first one's reply, and counts as another failed login."""
        client.user, client.password = username, password
        plain = [("PLAIN", client.auth_plain), ("LOGIN", client.auth_login)]
        hashed = [("CRAM-MD5", client.auth_cram_md5)]
        offered = client.esmtp_features.get("auth", "").upper().split()
        for mechanism, respond in hashed + plain if self._url.tls is Tls.NONE else plain + hashed:
            if mechanism in offered:
                client.auth(mechanism, respond)
                return
        raise smtplib.SMTPNotSupportedError("the server offers no mechanism that is known here")

    def _reset(self, client: _Client) -> None:
        self.step = Step.RESET
        with within(Deadline.after(PROBE_TIMEOUT_S)):
            code, _ = client.docmd("RSET")
        if code != 250:
            self.close()
            raise smtplib.SMTPServerDisconnected("the server does not reset the session")

    def _name_both_ends(self, client: _Client, mail: Mail) -> None:
        self.step = Step.SENDER
        client.command_encoding = "utf-8" if mail.recipient.needs_utf8 else "ascii"
        self._require(client.docmd("MAIL", _sender_arguments(client, mail)), 250)
        self.step = Step.RECIPIENT
        self._require(client.docmd("RCPT", f"TO:<{mail.recipient.address}>"), 250, 251)

    def _require(self, reply: tuple[int, bytes], *expected: int) -> str:
        code, text = reply
        if code not in expected:
            if code == SERVICE_CLOSING:
                self.close()
            raise smtplib.SMTPResponseException(code, text)
        return reply_text(text)


def _sender_arguments(client: _Client, mail: Mail) -> str:
    arguments = [f"FROM:<{mail.sender.address}>"]
    if client.has_extn("size"):
        arguments.append(f"SIZE={len(mail.content)}")
    if mail.recipient.needs_utf8:
        arguments.append("BODY=8BITMIME SMTPUTF8")
    return " ".join(arguments)


def queue_id(answer: str) -> str | None:
    """The name under which the server keeps the mail, if its words tell: Postfix, Exim and SES do, each in its way."""
    found = _QUEUED_AS.search(answer)
    return found[1] if found else None


def _dot_stuffed(content: bytes) -> bytes:
    """RFC 5321 §4.5.2. `content` has CRLF line ends, ends with one, and begins with a header."""
    return content.replace(b"\r\n.", b"\r\n..") + b".\r\n"
