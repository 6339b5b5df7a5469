"""Builds the providers of each channel from settings. An SDK is imported only by the function that needs it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.channels.base import ConnectedProvider
from chalicelib.domain.notification import Channel
from chalicelib.domain.provider_url import ProviderUrl
from chalicelib.errors import InvalidSettings

if TYPE_CHECKING:
    from ssl import SSLContext

    from chalicelib.channels.email.mailbox import Mailbox

PUSH_PROVIDER = "fcm"
SES = "ses"


def provider_names(urls: Sequence[ProviderUrl]) -> Sequence[tuple[Channel, str]]:
    """Every provider that a channel may use, without importing any SDK."""
    return [*((Channel.EMAIL, url.name) for url in urls), (Channel.PUSH, PUSH_PROVIDER)]


def email_providers(urls: Sequence[ProviderUrl], *, sender: str, timeout_s: float) -> tuple[ConnectedProvider, ...]:
    """The e-mail providers in the order in which they are tried. Connects to nothing.

    Raises:
        InvalidSettings: two share a name, which circuits and events could not tell apart; or the sender is malformed.
    """
    from chalicelib.channels.deadline import tls_context  # noqa: PLC0415
    from chalicelib.channels.email.mailbox import parse_sender  # noqa: PLC0415

    if len({url.name for url in urls}) != len(urls):
        raise InvalidSettings("EMAIL_PROVIDERS: give each provider of the same scheme its own name=")
    mailbox = parse_sender(sender)
    tls = None if all(url.scheme == SES for url in urls) else tls_context()
    return tuple(
        _ses(url, mailbox, timeout_s) if url.scheme == SES else _smtp(url, mailbox, timeout_s, tls) for url in urls
    )


def _smtp(url: ProviderUrl, sender: "Mailbox", timeout_s: float, tls: "SSLContext | None") -> ConnectedProvider:
    """smtp, and every preset: gmail, sendgrid, mailgun."""
    from chalicelib.channels.email.smtp import SmtpProvider  # noqa: PLC0415

    return SmtpProvider(url, sender=sender, timeout_s=timeout_s, tls=tls)


def _ses(url: ProviderUrl, sender: "Mailbox", timeout_s: float) -> ConnectedProvider:
    from chalicelib.channels.email.ses import SesProvider  # noqa: PLC0415
    from chalicelib.channels.email.ses_session import session_in  # noqa: PLC0415

    return SesProvider(url.name, session=session_in(url.host), sender=sender, timeout_s=timeout_s)


def push_provider(
    project_id: str, credentials_json: str, endpoint: str | None, *, timeout_s: float, connections: int
) -> ConnectedProvider:
    """The push provider. `endpoint` is for the double alone; `connections` is how many threads send at once.

    Raises:
        InvalidSettings: the credentials are no service account's.
    """
    from chalicelib.channels.push.fcm import FcmProvider  # noqa: PLC0415

    return FcmProvider(
        project_id=project_id,
        credentials_json=credentials_json,
        timeout_s=timeout_s,
        connections=connections,
        endpoint=endpoint,
    )
