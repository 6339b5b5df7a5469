"""HTML as a run of tags and text, in time that grows with its length and no faster, however broken it is.

Python's own parser takes minutes for half a megabyte of `<!--` (CVE-2025-6069). What is not closed ends the document,
as it does in a browser (HTML standard, 13.2.5: "eof-in-tag", "eof-in-comment").
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape

_OPENING = re.compile(r"<(?=[a-zA-Z/!?])")
_NAMED_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
_END_OR_QUOTE = re.compile(r""">|=\s*(["'])""")
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'=<>`]+))?""")
_RAW = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style", "textarea", "title")}
"""Elements that hold no tags but their own end."""

# No possessive quantifiers here: before Python 3.11.5 those around a group match too much (python/cpython#106052).
_HUGE_REFERENCE = re.compile(r"&#(?:[xX][0-9a-fA-F]{8,}|[0-9]{9,});?")


@dataclass(frozen=True, slots=True)
class Text:
    """Characters, references resolved."""

    text: str


@dataclass(frozen=True, slots=True)
class StartTag:
    name: str
    source: str = field(repr=False, default="")

    @property
    def attributes(self) -> Mapping[str, str]:
        """Of a repeated attribute the first counts."""
        found: dict[str, str] = {}
        for match in _ATTRIBUTE.finditer(self.source):
            found.setdefault(match[1].lower(), _resolved((match[2] or "").strip("\"'")))
        return found


@dataclass(frozen=True, slots=True)
class EndTag:
    name: str


def tokens_of(html: str) -> Iterator[Text | StartTag | EndTag]:
    """Tags and text in order; comments, declarations and the content of scripts are left out. Never raises."""
    place = 0
    while place < len(html):
        opening = _OPENING.search(html, place)
        until = opening.start() if opening else len(html)
        if until > place:
            yield Text(_resolved(html[place:until]))
        place = until
        tag = _NAMED_TAG.match(html, place)
        end = _end_of_tag(html, tag.end()) if tag else -1
        if tag is None or end < 0:
            place = _after_declaration(html, place)
            continue
        name, source = tag[2].lower(), html[tag.end() : end]
        place = end + 1
        yield EndTag(name) if tag[1] else StartTag(name, source)
        if not tag[1] and name in _RAW:
            closing = _RAW[name].search(html, place)
            place = closing.start() if closing else len(html)


def _end_of_tag(html: str, place: int) -> int:
    """Where the tag's `>` stands, which is none within quotes after an equals sign; -1 when it has none."""
    while found := _END_OR_QUOTE.search(html, place):
        if found[1] is None:
            return found.start()
        closing = html.find(found[1], found.end())
        place = closing + 1 if closing >= 0 else found.end()
    return -1


def _after_declaration(html: str, place: int) -> int:
    """Where a comment, a declaration or a tag without a name ends; at the end of all, when it does not."""
    if html[place + 1 : place + 2].isalpha():
        return len(html)
    closing = "-->" if html.startswith("<!--", place) else ">"
    end = html.find(closing, place + 2)
    return end + len(closing) if end >= 0 else len(html)


def _resolved(text: str) -> str:
    return unescape(_HUGE_REFERENCE.sub("\ufffd", text)) if "&" in text else text
