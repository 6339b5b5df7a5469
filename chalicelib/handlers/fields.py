"""Field types that several bodies share: each refuses what it cannot mean, and gives one spelling of the rest."""

import functools
import unicodedata
from datetime import UTC, datetime
from importlib import resources
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field
from pydantic.config import JsonDict

from chalicelib.domain.locale import canonical_locale, subtags

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


@functools.lru_cache(maxsize=1024)
def _locale(tag: str) -> str:
    """The tag in its one spelling, when every part of it is in the IANA subtag registry (RFC 5646 §3)."""
    from language_tags import tags  # type: ignore[import-untyped]  # noqa: PLC0415  30 ms that few cold starts need

    canonical = canonical_locale(tag)
    for kind, subtag in subtags(canonical):
        if kind not in tags.types(subtag.lower()):
            raise ValueError(f"the IANA registry has no {kind} {subtag}")
    return canonical


def _written_out(given: object) -> object:
    """ISO 8601 and nothing else: digits alone would be taken for seconds, or for milliseconds, as many as they are."""
    if not isinstance(given, str):
        return given
    try:
        return datetime.fromisoformat(given)
    except ValueError:
        raise ValueError("must be a moment such as 2026-03-01T09:30:00+01:00") from None


def _whole(number: object) -> object:
    """160.0 is an integer in JSON Schema (2020-12, §6.1.1), and many writers of JSON know no other."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie between the years 1 and 9999 in UTC") from None


# The schemas say in patterns and formats, as far as JSON Schema can, what the functions above check.
_BREAKING = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
_ONE_LINE: JsonDict = {"pattern": rf"^[^{_BREAKING}]*[^{_BREAKING}\s][^{_BREAKING}]*$"}
_LOCALE: JsonDict = {
    "format": "bcp47",
    "maxLength": 35,
    "pattern": "^[A-Za-z]{2,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*$",
}
_TIMEZONE: JsonDict = {"format": "iana-time-zone", "pattern": "^[A-Za-z0-9_+/-]+$"}

Line = Annotated[
    str,
    Field(min_length=1, max_length=200, examples=["Ada Lovelace"], json_schema_extra=_ONE_LINE),
    AfterValidator(_one_line),
]
"""A name or the like: one line."""

ExternalId = Annotated[
    str,
    Field(min_length=1, max_length=255, examples=["customer-4711"], json_schema_extra=_ONE_LINE),
    AfterValidator(_one_line),
]
"""What another system calls this."""

Email = Annotated[
    str,
    Field(min_length=3, max_length=320, examples=["ada@example.com"], json_schema_extra={"format": "email"}),
    AfterValidator(_email),
]
Locale = Annotated[str, Field(examples=["fr-CA"], json_schema_extra=_LOCALE), AfterValidator(_locale)]
Timezone = Annotated[
    str, Field(max_length=64, examples=["Europe/Paris"], json_schema_extra=_TIMEZONE), AfterValidator(_timezone)
]
Category = Annotated[str, Field(pattern=r"^[a-z0-9_.-]{1,64}$", examples=["account"])]
TemplateCode = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$", examples=["order-shipped"])]

DeviceToken = Annotated[
    str, Field(min_length=1, max_length=4096, pattern=r"^[!-~]+$", examples=["fGx0pZ7qSJ2kT5vR:APA91bHun4MxP5egoKMwt2"])
]
"""A push token: visible ASCII. What it means is the provider's business."""

WHOLE = BeforeValidator(_whole)
"""Beside an integer in a body: however it is written."""

Instant = Annotated[
    AwareDatetime,
    Field(examples=["2026-03-01T09:30:00+01:00"]),
    BeforeValidator(_written_out),
    AfterValidator(_in_utc),
]
"""A moment with its offset, as UTC."""
