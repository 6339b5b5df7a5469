"""Sends e-mail through the API of Amazon SES (2010-12-01, SendRawEmail).

SES replaces the Date and the Message-ID of what it is given (Developer Guide, "Amazon SES header fields"), so that a
receiver cannot tell a repeat by the Message-ID: the header X-Delivery-ID, which SES passes on, is the same at every
attempt.

Importing this module loads boto3: only a function that sends by SES may.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from botocore.parsers import ResponseParserError  # type: ignore[import-untyped]

from chalicelib.channels.base import Deadline, Outgoing, Receipt
from chalicelib.channels.deadline import within
from chalicelib.channels.email.mailbox import Mailbox
from chalicelib.channels.email.mime import Mail, mail_of
from chalicelib.channels.email.ses_errors import translate
from chalicelib.channels.email.ses_session import ses_client
from chalicelib.errors import AddressRejected, OutcomeUnknown, ProviderUnavailable


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SesProvider:
    """The SES account that `session` leads to. One client serves all threads.

    The deadline holds for every byte to and from SES. Credentials that are not in the environment are fetched by boto3
    before, within its own timeouts of a few seconds; a Lambda function has them in its environment.
    """

    def __init__(
        self,
        name: str,
        *,
        session: "boto3.Session",
        sender: Mailbox,
        timeout_s: float,
        now: Callable[[], datetime] = _utc_now,
        endpoint: str | None = None,
    ) -> None:
        """Connects to nothing. `endpoint` is for tests alone: else AWS_ENDPOINT_URL or the region decides."""
        self.name = name
        self._session = session
        self._sender = sender
        self._timeout_s = timeout_s
        self._now = now
        self._endpoint = endpoint
        self._client: Any = None  # Any: boto3 has no types
        self._making = threading.Lock()

    def send(self, outgoing: Outgoing, *, deadline: Deadline) -> Receipt:
        """Hand one e-mail to SES; end by `deadline` and within the provider's own timeout. The receipt has SES's id.

        Raises:
            DeliveryError: of the class that `ses_errors` decides.
        """
        mail = self._mail(outgoing)
        if not deadline.remaining_s:
            raise ProviderUnavailable("the deadline passed before the message was sent", provider=self.name)
        with within(deadline), within(Deadline.after(self._timeout_s)):
            try:
                answer = self._made().send_raw_email(
                    Source=mail.sender.address,
                    Destinations=[mail.recipient.address],
                    RawMessage={"Data": mail.content},
                )
                return Receipt(self.name, str(answer["MessageId"]))
            except (BotoCoreError, ClientError, ResponseParserError) as error:
                raise translate(error, provider=self.name) from error
            except KeyError as error:
                raise OutcomeUnknown("the answer could not be read", provider=self.name) from error

    def close(self) -> None:
        """Close every connection; the next send opens others."""
        if self._client is not None:
            self._client.close()

    def _made(self) -> Any:  # Any: boto3 has no types
        """The client, made at the first send: it takes some 100 ms, and may ask for credentials over the network."""
        with self._making:
            if self._client is None:
                self._client = ses_client(self._session, timeout_s=self._timeout_s, endpoint=self._endpoint)
            return self._client

    def _mail(self, outgoing: Outgoing) -> Mail:
        mail = mail_of(outgoing, sender=self._sender, at=self._now(), provider=self.name)
        if mail.recipient.needs_utf8:
            raise AddressRejected("SES takes no address with letters beyond ASCII", provider=self.name)
        return mail
