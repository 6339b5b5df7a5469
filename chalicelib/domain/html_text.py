"""The plain text of an HTML e-mail, for readers that show no HTML: what it says, without how it looks."""

import re

from chalicelib.domain.html_tokens import EndTag, StartTag, Text, tokens_of

_SILENT = frozenset({"head", "script", "style", "template", "title", "svg"})
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre", "hr"})
_LINES = frozenset(
    {"address", "article", "body", "dd", "div", "dl", "dt", "footer", "header", "li", "main", "section"}
) | {
    "tr",
    "center",
    "figure",
    "figcaption",
    "form",
}
_CELLS = frozenset({"td", "th"})
_LINK_SCHEMES = ("http://", "https://", "mailto:", "tel:")

_DEEPEST_INDENT = 8
_INDENTED = "\x00"
"""Stands before a line whose leading spaces count; HTML itself cannot hold it."""

_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_MANY_LINES = re.compile(r"\n{3,}")


def html_to_text(html: str) -> str:
    """Paragraphs, list items, table rows on lines of their own, links as `text (url)`; no scripts, no styles.

    Never raises, and takes time in proportion to the length, however broken the HTML is.
    """
    reader = _Reader()
    for token in tokens_of(html):
        match token:
            case Text(text):
                reader.read_text(text)
            case StartTag():
                reader.open(token)
            case EndTag(name):
                reader.close(name)
    return reader.text


class _Reader:
    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._silent: tuple[str, int] | None = None
        self._link: tuple[str, int] | None = None
        self._lists: list[int | None] = []
        self._preformatted = 0

    @property
    def text(self) -> str:
        lines = "".join(self._pieces).split("\n")
        return _MANY_LINES.sub("\n\n", "\n".join(_tidy(line) for line in lines)).strip("\n")

    def open(self, start: StartTag) -> None:
        tag = start.name
        if self._silent or tag in _SILENT:
            outermost, depth = self._silent or (tag, 0)
            self._silent = (outermost, depth + (tag == outermost))
            return
        self._break_before(tag)
        if tag == "a":
            self._close_link()
            self._link = (start.attributes.get("href", "").strip(), len(self._pieces))
        elif tag == "img":
            self._write(start.attributes.get("alt", ""))
        elif tag == "li":
            self._pieces.append(self._bullet())
        elif tag in {"ul", "ol"}:
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "pre":
            self._preformatted += 1

    def close(self, tag: str) -> None:
        if self._silent:
            outermost, depth = self._silent
            depth -= tag == outermost
            self._silent = (outermost, depth) if depth else None
            return
        if tag == "a":
            self._close_link()
        elif tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
        elif tag == "pre":
            self._preformatted = max(0, self._preformatted - 1)
        if tag in _CELLS:
            self._pieces.append(" ")
        elif tag not in {"br", "hr"}:
            self._break_before(tag)

    def read_text(self, text: str) -> None:
        if not self._silent:
            self._write(text)

    def _write(self, words: str) -> None:
        clean = words.replace(_INDENTED, "")
        if self._preformatted:
            self._pieces.append("\n".join(f"{_INDENTED}{line}" for line in clean.split("\n")))
            return
        spaced = _SPACE.sub(" ", clean)
        if spaced.startswith(" ") and self._pieces and self._pieces[-1].endswith((" ", "\n")):
            spaced = spaced[1:]
        if spaced:
            self._pieces.append(spaced)

    def _break_before(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self._end_line(1 if self._lists else 2)
        elif tag in _LINES:
            self._end_line(1)
        elif tag == "br":
            self._pieces.append("\n")
        if tag == "hr":
            self._pieces.append("---\n\n")

    def _end_line(self, breaks: int) -> None:
        """At least so many line breaks stand before what follows."""
        if self._pieces and not self._pieces[-1].strip("\n"):
            breaks = max(breaks, len(self._pieces.pop()))
        self._pieces.append("\n" * breaks)

    def _bullet(self) -> str:
        indent = _INDENTED + "  " * max(0, min(len(self._lists) - 1, _DEEPEST_INDENT))
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _close_link(self) -> None:
        if self._link is None:
            return
        target, start = self._link
        self._link = None
        shown = "".join(self._pieces[start:]).strip()
        address = target.removeprefix("mailto:").removeprefix("tel:")
        if not target.lower().startswith(_LINK_SCHEMES) or shown in {target, address}:
            return
        self._pieces.append(f" ({address})" if shown else address)


def _tidy(line: str) -> str:
    shown = line.replace(_INDENTED, "").rstrip()
    return shown if line.startswith(_INDENTED) else shown.lstrip()
