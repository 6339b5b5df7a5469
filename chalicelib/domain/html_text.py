"""The plain text of an HTML e-mail, for readers that show no HTML: what it says, without how it looks."""

import re
from html.parser import HTMLParser

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
_VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "col", "wbr"})
_LINK_SCHEMES = ("http://", "https://", "mailto:", "tel:")

_INDENTED = "\x00"
"""Stands before a line whose leading spaces count; HTML itself cannot hold it."""

_TAG = re.compile(r"<[^>]*>?")
_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_MANY_LINES = re.compile(r"\n{3,}")


def html_to_text(html: str) -> str:
    """Paragraphs, list items, table rows on lines of their own, links as `text (url)`; no scripts, no styles.

    Never raises: what is no HTML comes back without its tags.
    """
    reader = _Reader()
    try:
        reader.feed(html)
        reader.close()
    except AssertionError:  # the parser's answer to a declaration such as `<![x[`
        return _SPACE.sub(" ", _TAG.sub(" ", html)).strip()
    return reader.text


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._silent: list[str] = []
        self._links: list[tuple[str, int]] = []
        self._lists: list[int | None] = []
        self._preformatted = 0

    @property
    def text(self) -> str:
        lines = "".join(self._pieces).split("\n")
        return _MANY_LINES.sub("\n\n", "\n".join(_tidy(line) for line in lines)).strip("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._silent or tag in _SILENT:
            if tag not in _VOID:
                self._silent.append(tag)
            return
        self._break_before(tag)
        attributes = dict(attrs)
        if tag == "a":
            self._links.append(((attributes.get("href") or "").strip(), len(self._pieces)))
        elif tag == "img":
            self._write(attributes.get("alt") or "")
        elif tag == "li":
            self._pieces.append(self._bullet())
        elif tag in {"ul", "ol"}:
            self._lists.append(1 if tag == "ol" else None)
        elif tag == "pre":
            self._preformatted += 1

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag in self._silent:
                del self._silent[self._silent.index(tag) :]
            return
        if tag == "a" and self._links:
            self._close_link()
        elif tag in {"ul", "ol"} and self._lists:
            self._lists.pop()
        elif tag == "pre":
            self._preformatted = max(0, self._preformatted - 1)
        if tag in _CELLS:
            self._pieces.append(" ")
        elif tag not in {"br", "hr"}:
            self._break_before(tag)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._write(data)

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
        indent = _INDENTED + "  " * max(0, len(self._lists) - 1)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _close_link(self) -> None:
        target, start = self._links.pop()
        shown = "".join(self._pieces[start:]).strip()
        address = target.removeprefix("mailto:").removeprefix("tel:")
        if not target.lower().startswith(_LINK_SCHEMES) or shown in {target, address}:
            return
        self._pieces.append(f" ({address})" if shown else address)


def _tidy(line: str) -> str:
    shown = line.replace(_INDENTED, "").rstrip()
    return shown if line.startswith(_INDENTED) else shown.lstrip()
