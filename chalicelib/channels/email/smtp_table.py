"""What each reply of an SMTP server means, by the step that it answers: one table, read from the top.

A line's pattern is tried on `code words`, such as `454 4.7.0 Too many login attempts`, without regard to case, and
without the addresses that a server echoes: whoever names a recipient does not choose the line. The first line that fits
decides, and the last lines fit everything. What a provider says in its own words stands in
`smtp_presets.py` and is read before.

Sources: RFC 5321 §4.2 (replies), RFC 4954 §6 (authentication), RFC 3207 §4 (STARTTLS), RFC 1870 §6 (size), RFC 7504
(hosts and domains that take no mail), RFC 3463 and IANA's "SMTP Enhanced Status Codes" (x.y.z); Amazon SES, "SMTP
response codes" and "Errors related to the sending quotas"; Postfix, postconf(5), for what it says about clients.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from chalicelib.errors import (
    AddressRejected,
    DeliveryError,
    MessageDeferred,
    MessageRefused,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderThrottled,
    ProviderUnavailable,
)


class Step(StrEnum):
    """How far a send has come. Only while the answer is awaited can the server have accepted."""

    CONNECT = "connecting"
    ENCRYPT = "encrypting"
    AUTHENTICATE = "authenticating"
    RESET = "resetting"
    SENDER = "naming the sender"
    RECIPIENT = "naming the recipient"
    MESSAGE = "sending the message"
    ANSWER = "awaiting the answer"


ANY = frozenset(Step)
LOGIN = frozenset({Step.AUTHENTICATE})
SENDER = frozenset({Step.SENDER})
RECIPIENT = frozenset({Step.RECIPIENT})
ANSWER = frozenset({Step.ANSWER})
MESSAGE = frozenset({Step.MESSAGE, Step.ANSWER})
ONE_MAIL = RECIPIENT | MESSAGE


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: a reply at one of `steps` that begins as `pattern` says stands for `meaning`."""

    steps: frozenset[Step]
    pattern: re.Pattern[str]
    meaning: type[DeliveryError]


def line(steps: frozenset[Step], pattern: str, meaning: type[DeliveryError]) -> Line:
    return Line(steps, re.compile(pattern, re.IGNORECASE), meaning)


TABLE: tuple[Line, ...] = (
    # our account and our credentials, at whatever step the server says so
    line(ANY, r"53[0458]\b", ProviderMisconfigured),  # 530 log in first, 534 too weak, 535 wrong, 538 encrypt first
    line(LOGIN, r"432\b", ProviderMisconfigured),  # the password must be changed first
    line(ANY, r"4\d\d 4\.7\.28\b", ProviderThrottled),  # a flood of mail from us
    line(ANY, r"5\d\d 5\.7\.28\b", ProviderMisconfigured),  # the same, for good: somebody must talk to them
    line(LOGIN, r"4\d\d .*too many", ProviderThrottled),  # logins, as Gmail and Postfix count them
    line(ANY, r"4\d\d .*too many (concurrent )?(smtp )?(connections|sessions)", ProviderThrottled),
    line(ANY, r"454 (4\.\d\.\d )?throttling failure", ProviderThrottled),  # SES: the rate, or the day's quota
    line(MESSAGE, r"554 .*(is not verified|is not authorized to perform)", ProviderMisconfigured),  # SES: identity, IAM
    # not now: the server closes or is in trouble; once a recipient is named, it is about them unless it says not
    line(ANY, r"421\b", ProviderUnavailable),
    line(ONE_MAIL, r"4\d\d 4\.3\.\d", ProviderUnavailable),  # the mail system is full, overloaded or going down
    line(ONE_MAIL, r"4\d\d 4\.7\.\d", MessageDeferred),  # greylisting, and policies of the receiving side
    line(ONE_MAIL, r"452 4\.5\.3", MessageDeferred),  # too many recipients, and we name one: the domain's limit
    line(ONE_MAIL, r"4\d\d", MessageDeferred),  # a busy, full or greylisting mailbox
    line(ANY, r"4\d\d", ProviderUnavailable),
    # never: the session, the sender, the recipient, the message
    line(ANY, r"50[023]\b", ProviderMisconfigured),  # it does not know the command, or not here: no fault of a mail's
    line(SENDER, r"552\b|5\d\d 5\.(2\.3|3\.4)", MessageRefused),  # larger than it takes (SIZE)
    line(SENDER, r"5\d\d", ProviderMisconfigured),  # it does not let us send as this sender
    line(RECIPIENT, r"5\d\d 5\.(2\.3|3\.4)", MessageRefused),
    line(RECIPIENT, r"5\d\d 5\.1\.([1236]|10)\b", AddressRejected),  # Postfix: "unknown in relay recipient table"
    line(RECIPIENT, r"5\d\d .*(relay|authenticat)", ProviderMisconfigured),
    line(
        RECIPIENT, r"5\d\d (5\.1\.[78]\b|.*(sender address|client host|helo command) rejected)", ProviderMisconfigured
    ),
    line(RECIPIENT, r"521\b", ProviderMisconfigured),  # this host takes no mail at all
    line(RECIPIENT, r"5\d\d", AddressRejected),  # 550 unknown, 551 moved, 553 malformed, 556 a domain without mail
    line(MESSAGE, r"5\d\d 5\.(1\.([1236]|10)|2\.1)\b", AddressRejected),  # said late: unknown, moved, disabled
    line(MESSAGE, r"5\d\d", MessageRefused),  # 552 too large, 554 spam, a virus or a broken form
    line(ANY, r"5\d\d", ProviderMisconfigured),  # refused before any mail was spoken of: 554 no service for us
    # what no server may say
    line(ANSWER, r"", OutcomeUnknown),
    line(ANY, r"", ProviderUnavailable),
)


def find(reply: str, step: Step, own: tuple[Line, ...] = ()) -> Line:
    """The line that decides a reply: the first to fit of the preset's own, then of the table."""
    return next(each for each in (*own, *TABLE) if step in each.steps and each.pattern.match(reply))
