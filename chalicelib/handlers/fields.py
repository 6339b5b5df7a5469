"""Field types that several bodies share: each refuses what it cannot mean, and gives one spelling of the rest."""

import functools
import unicodedata
from datetime import UTC, datetime
from importlib import resources
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from chalicelib.domain.locale import canonical_locale

_LINE_BREAKING = frozenset({"Cc", "Zl", "Zp"})


def _one_line(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    if any(unicodedata.category(character) in _LINE_BREAKING for character in text):
        raise ValueError("must be one line without control characters")
    return text


def _email(address: str) -> str:
    """The address as mail servers take it: an international domain in its ASCII form, the local part as given."""
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415  36 ms that few cold starts need

    try:
        # no DNS: whether mail arrives is found out by sending it; .test is reserved for rehearsals (RFC 6761)
        checked = validate_email(
            address, check_deliverability=False, allow_smtputf8=False, strict=True, test_environment=True
        )
    except EmailNotValidError as error:
        raise ValueError(str(error)) from None
    return f"{checked.ascii_local_part}@{checked.ascii_domain}"


@functools.cache
def _known_timezones() -> frozenset[str]:
    """The names of the IANA database that ships with us: looking through the machine's own takes 100 ms."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("ascii").split())


def _timezone(name: str) -> str:
    if name not in _known_timezones():
        raise ValueError("must be a time zone of the IANA database, such as Europe/Paris")
    return name


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999 in UTC") from None


Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
"""A name or the like: one line."""

ExternalId = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_one_line)]
"""What another system calls this."""

Email = Annotated[str, Field(min_length=3, max_length=320), AfterValidator(_email)]
Locale = Annotated[str, AfterValidator(canonical_locale)]
Timezone = Annotated[str, Field(max_length=64), AfterValidator(_timezone)]
Category = Annotated[str, Field(pattern=r"^[a-z0-9_.-]{1,64}$")]
TemplateCode = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]

DeviceToken = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[!-~]+$")]
"""A push token: visible ASCII. What it means is the provider's business."""

Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment with its offset, as UTC."""
