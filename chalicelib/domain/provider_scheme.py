"""What each scheme of a provider's URL stands for: where its server is, who logs in, which options it takes.

Sources: RFC 6409 (submission) and RFC 8314 §3.3 (port 465); Google, "Send email from a printer, scanner, or app"
(smtp.gmail.com); SendGrid, "Integrating with the SMTP API" (smtp.sendgrid.net, the user name is the word apikey);
Mailgun, "Send via SMTP" (smtp.mailgun.org, for domains in the EU smtp.eu.mailgun.org). All three take STARTTLS on 587.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_EVERY = frozenset({"name", "rate"})
_SMTP = _EVERY | {"tls"}


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a URL of one scheme is read.

    `regions` are the provider's own servers, the default one first: no name where the URL must give it.
    """

    options: frozenset[str] = _SMTP
    regions: Mapping[str, str] = field(default_factory=lambda: {"": ""})
    only_user: str | None = None
    has_server: bool = True

    @property
    def is_preset(self) -> bool:
        """Whether the scheme alone says where the server is, so that a URL may consist of credentials."""
        return bool(self.regions[self.default_region])

    @property
    def default_region(self) -> str:
        return next(iter(self.regions))


SCHEMES: Mapping[str, Scheme] = {
    "smtp": Scheme(),
    "gmail": Scheme(regions={"": "smtp.gmail.com"}),
    "sendgrid": Scheme(regions={"": "smtp.sendgrid.net"}, only_user="apikey"),
    "mailgun": Scheme(options=_SMTP | {"region"}, regions={"us": "smtp.mailgun.org", "eu": "smtp.eu.mailgun.org"}),
    "ses": Scheme(options=_EVERY, has_server=False),
}
