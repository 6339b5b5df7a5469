"""What providers with a scheme of their own say in their own words: read before the table of `smtp_table.py`.

Sources: Google, "Gmail SMTP errors and codes" (knowledge.workspace.google.com); SendGrid, "SMTP errors and
troubleshooting" (twilio.com/docs/sendgrid); Mailgun names no table of its SMTP replies, so its lines follow the replies
that its users report: `421 Domain … is not allowed to send: <why>`.
"""

from collections.abc import Mapping

from chalicelib.channels.email.smtp_table import ANY, Line, line
from chalicelib.errors import ProviderMisconfigured, ProviderThrottled

GMAIL = (
    line(ANY, r"550 5\.4\.5\b", ProviderThrottled),  # the day's mails of the user are used up
    line(ANY, r"550 5\.7\.1 .*(relay (sending )?limit|email quota) exceeded", ProviderThrottled),  # the customer's
    line(ANY, r"450 4\.2\.1 .*relay limit exceeded", ProviderThrottled),  # ours, where 4.2.1 is else the mailbox's
    line(ANY, r"421 4\.7\.0 .*unusual rate", ProviderThrottled),
    line(ANY, r"550 5\.7\.0 .*(relay|sending) denied", ProviderMisconfigured),
    line(ANY, r"550 5\.7\.1 .*credentials for relay", ProviderMisconfigured),
)

SENDGRID = (
    line(ANY, r"451 .*maximum credits exceeded", ProviderThrottled),
    line(ANY, r"452 .*\(throttled\)", ProviderThrottled),  # too many recipients in this hour
    line(ANY, r"403\b", ProviderMisconfigured),  # no code of SMTP's, and documented: the sender is not verified
    line(ANY, r"550 .*sender identity", ProviderMisconfigured),
)

MAILGUN = (
    line(ANY, r"4\d\d .*not allowed to send.*(limit|quota) exceeded", ProviderThrottled),
    line(ANY, r"[45]\d\d .*not allowed to send", ProviderMisconfigured),  # not activated, disabled, a sandbox
)

OWN_LINES: Mapping[str, tuple[Line, ...]] = {"gmail": GMAIL, "sendgrid": SENDGRID, "mailgun": MAILGUN}
"""By the scheme of the provider's URL."""


def own_lines(scheme: str) -> tuple[Line, ...]:
    return OWN_LINES.get(scheme, ())
