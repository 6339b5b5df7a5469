"""Sends e-mail by SMTP over connections that are kept between calls and between invocations.

A connection serves one thread at a time and outlives it: a worker may use new threads for every batch. The one used
last is taken first, so that a quiet hour leaves the rest to age. A kept connection that turns out dead before the
server can have accepted is replaced within the same attempt.
"""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.channels.deadline import tls_context, within
from chalicelib.channels.email.mailbox import Mailbox
from chalicelib.channels.email.mime import Mail, mail_of
from chalicelib.channels.email.smtp_errors import translate
from chalicelib.channels.email.smtp_presets import own_lines
from chalicelib.channels.email.smtp_session import SmtpSession, queue_id
from chalicelib.channels.email.smtp_table import Step
from chalicelib.domain.provider_url import ProviderUrl
from chalicelib.errors import DeliveryError

DISTRUSTED_AFTER = timedelta(seconds=5)
"""A connection idle for longer must answer first: its peer may have vanished while the function was frozen."""

FAREWELL_S = 1.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SmtpProvider:
    """The server of one URL. Keeps as many connections as threads ever sent at once."""

    def __init__(
        self,
        url: ProviderUrl,
        *,
        sender: Mailbox,
        timeout_s: float,
        now: Callable[[], datetime] = _utc_now,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name = url.name
        self._url = url
        self._sender = sender
        self._timeout_s = timeout_s
        self._now = now
        self._tls = tls or tls_context()
        self._own_lines = own_lines(url.scheme)
        self._idle: list[tuple[SmtpSession, datetime]] = []

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        """Hand one e-mail to the server; end by `deadline` and within the provider's own timeout.

        Raises:
            DeliveryError: of the class that `smtp_errors` decides.
        """
        mail = mail_of(outgoing, sender=self._sender, at=self._now(), provider=self.name)
        with within(deadline), within(Deadline.after(self._timeout_s)):
            answer = self._transmit(mail)
        return Receipt(self.name, queue_id(answer) or mail.message_id)

    def close(self) -> None:
        """Take leave of the server on every idle connection, within a second for all of them."""
        with within(Deadline.after(FAREWELL_S)):
            while self._idle:
                self._idle.pop()[0].quit()

    def _transmit(self, mail: Mail) -> str:
        while True:
            session = self._take()
            try:
                return session.transmit(mail)
            except OSError as error:
                if not _died_unheard(session):
                    raise self._translated(error, session, mail) from error
                self._forget_idle()
            except DeliveryError as error:
                error.provider = self.name
                raise
            finally:
                self._keep(session)

    def _translated(self, error: OSError, session: SmtpSession, mail: Mail) -> DeliveryError:
        return translate(error, step=session.step, recipient=mail.recipient, provider=self.name, own=self._own_lines)

    def _take(self) -> SmtpSession:
        try:
            session, used_at = self._idle.pop()
        except IndexError:
            return SmtpSession(self._url, tls=self._tls, hello_name=self._sender.domain)
        if abs(self._now() - used_at) > DISTRUSTED_AFTER:
            session.distrust()
        return session

    def _keep(self, session: SmtpSession) -> None:
        if session.lost:
            session.close()
        else:
            self._idle.append((session, self._now()))

    def _forget_idle(self) -> None:
        """Those beneath a dead connection have been idle for longer still."""
        while self._idle:
            self._idle.pop()[0].close()


def _died_unheard(session: SmtpSession) -> bool:
    """Whether a kept connection ended before the server can have accepted, so that another may carry the mail."""
    return session.kept and session.lost and session.step is not Step.ANSWER
