"""HTML as a run of tags and text, in time that grows with its length and no faster, however broken it is.

Python's own parser takes minutes for half a megabyte of `<!--` (CVE-2025-6069). What is not closed ends the document,
as it does in a browser (HTML standard, 13.2.5: "eof-in-tag", "eof-in-comment").
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape

_TEXT = re.compile(r"(?:[^<]|<(?![a-zA-Z/!?]))++")
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)((?:=\s*+"[^"]*+"|=\s*+'[^']*+'|[^>])*+)>""")
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]++)(?:\s*+=\s*+("[^"]*+"|'[^']*+'|[^\s"'=<>`]++))?""")
_RAW = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style", "textarea", "title")}
"""Elements that hold no tags but their own end."""

_HUGE_REFERENCE = re.compile(r"&#(?:[xX][0-9a-fA-F]{8,}+|[0-9]{9,}+);?")


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
        if text := _TEXT.match(html, place):
            yield Text(_resolved(text[0]))
            place = text.end()
        elif tag := _TAG.match(html, place):
            name, place = tag[2].lower(), tag.end()
            yield EndTag(name) if tag[1] else StartTag(name, tag[3])
            if not tag[1] and name in _RAW:
                end = _RAW[name].search(html, place)
                place = end.start() if end else len(html)
        else:
            place = _after_declaration(html, place)


def _after_declaration(html: str, place: int) -> int:
    """Where a comment, a declaration or a tag without a name ends; at the end of all, when it does not."""
    if html[place + 1 : place + 2].isalpha():
        return len(html)
    closing = "-->" if html.startswith("<!--", place) else ">"
    end = html.find(closing, place + 2)
    return end + len(closing) if end >= 0 else len(html)


def _resolved(text: str) -> str:
    return unescape(_HUGE_REFERENCE.sub("\ufffd", text)) if "&" in text else text
