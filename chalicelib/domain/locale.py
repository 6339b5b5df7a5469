"""Language tags (BCP 47, RFC 5646) in one spelling: `fr-ca` and `FR-CA` are `fr-CA`."""

import re
from collections.abc import Iterator

_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})"
    r"(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)",
    re.IGNORECASE | re.ASCII,
)
MAX_LENGTH = 35


def canonical_locale(tag: str) -> str:
    """The tag with its parts in the case that RFC 5646 §2.1.1 recommends.

    Raises:
        ValueError: it does not have the form language[-Script][-REGION][-variant].
    """
    match = _TAG.fullmatch(tag)
    if match is None or len(tag) > MAX_LENGTH:
        raise ValueError("must be a language tag such as en, fr-CA or zh-Hant-TW")
    script, region = match["script"], match["region"]
    parts = [match["language"].lower(), script.title() if script else None, region.upper() if region else None]
    return "-".join(part for part in parts if part) + match["variants"].lower()


def subtags(canonical: str) -> Iterator[tuple[str, str]]:
    """The parts of a canonical tag, each with what it is: language, script, region or variant."""
    match = _TAG.fullmatch(canonical)
    if match is not None:
        yield from ((kind, match[kind]) for kind in ("language", "script", "region") if match[kind])
        yield from (("variant", variant) for variant in match["variants"].split("-") if variant)
