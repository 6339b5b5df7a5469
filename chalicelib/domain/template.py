"""Compiles template sources, says which variables they need, and renders them.

A compiled template is immutable and may be shared by threads; whoever uses it keeps it, for compiling takes some thirty
times as long as rendering.
"""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Template, TemplateError
from jinja2.exceptions import SecurityError, UndefinedError

from chalicelib.domain.content import (
    Content,
    EmailContent,
    Rendered,
    RenderedEmail,
    RenderedPush,
    sources_of,
)
from chalicelib.domain.html_text import html_to_text
from chalicelib.domain.locale_choice import choose_locale as choose_locale  # noqa: PLC0414  part of this interface
from chalicelib.domain.partial import NO_PARTIALS, Partials
from chalicelib.domain.template_sandbox import with_budget
from chalicelib.domain.template_source import ONE_LINE, Parsed, Reading, compile_source, parse_source, sandbox
from chalicelib.domain.template_unit import Assembly
from chalicelib.domain.template_variables import needed_variables
from chalicelib.errors import InvalidTemplate, RenderFailed

MAX_SOURCE_BYTES = 256 * 1024
MAX_RENDERED_CHARACTERS = 512 * 1024

ContentFlaw = tuple[str | None, InvalidTemplate]
"""What keeps a part from compiling; without a part what is wrong with all of them together."""

_FAULTS = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RuntimeError)
"""Whatever an expression can raise on values it was not written for."""

_FRAME_MARK = "__jinja_exception__"
_ROOT_FRAME = "top-level template code"


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """A content's sources, ready to render. `variables` are the top-level names that must be given."""

    content: Content
    variables: frozenset[str]
    _parts: Mapping[str, Template] = field(repr=False)

    def render(self, variables: Mapping[str, Any]) -> Rendered:  # Any: variables are the client's JSON
        """Fill in the variables.

        Raises:
            RenderFailed: a variable is missing or unfit, or the result would be too large. Holds no variable's value.
        """
        parts = {name: _render(name, template, variables) for name, template in self._parts.items()}
        return _email(parts) if isinstance(self.content, EmailContent) else _push(parts)


@dataclass(frozen=True, slots=True)
class ParsedContent:
    """A content whose sources were parsed, and what is wrong with those that could not be. Compiles once.

    `named` are the codes of the partials that it names.
    """

    content: Content
    flaws: tuple[ContentFlaw, ...]
    named: frozenset[str]
    _parts: Mapping[str, Parsed] = field(repr=False)
    _reading: Reading = field(repr=False)

    def compile(
        self, partials: Partials = NO_PARTIALS, *, owner: str | None = None
    ) -> tuple[CompiledTemplate, tuple[ContentFlaw, ...]]:
        """The content with the partials that it names, and all that is wrong with it: then it is not to be used.

        When the allowance of the version is used up nothing more is compiled.

        `owner` is the code of the template that the content belongs to: no partial may lead back to it.
        """
        flaws, compiled, needed = [*self.flaws], {}, set[str]()
        for part, parsed in self._parts.items():
            if self._reading.allowance.is_used_up:
                break
            assembly = Assembly(part, self.content.channel, self.content.locale, self._reading, owner)
            try:
                compiled[part], names = _compile(assembly, parsed, partials)
                needed |= names
            except InvalidTemplate as error:
                flaws.append((part, error))
        return CompiledTemplate(self.content, frozenset(needed), compiled), tuple(flaws)


def parse_content(content: Content, reading: Reading) -> ParsedContent:
    """Parse the sources of one content. The reading is that of its version, for all the contents together.

    What used up its allowance is a flaw; after that nothing more is parsed or compiled, and no other flaw is found.
    """
    flaws: list[ContentFlaw] = []
    parts = {}
    sources = sources_of(content)
    for part, text in sources.items():
        if reading.allowance.is_used_up:
            break
        try:
            if len(text.encode(errors="replace")) > MAX_SOURCE_BYTES:
                raise InvalidTemplate(f"exceeds {MAX_SOURCE_BYTES} bytes")  # noqa: TRY301  one of several flaws
            parts[part] = parse_source(part, text, reading.allowance)
        except InvalidTemplate as error:
            flaws.append((part, error))
    if not flaws and sum(len(text.encode(errors="replace")) for text in sources.values()) > MAX_SOURCE_BYTES:
        flaws.append((None, InvalidTemplate(f"the sources exceed {MAX_SOURCE_BYTES} bytes")))
    named = frozenset[str]().union(*(parsed.named for parsed in parts.values()))
    return ParsedContent(content, tuple(flaws), named, parts, reading)


def compile_content(
    content: Content, partials: Partials = NO_PARTIALS, *, owner: str | None = None
) -> CompiledTemplate:
    """Check and compile the sources of one content with the partials that they name.

    Raises:
        InvalidTemplate: a source does not compile or is not safe, they are too large together, or a partial that one
            names cannot be used there.
    """
    compiled, flaws = parse_content(content, Reading()).compile(partials, owner=owner)
    for part, error in flaws:
        raise InvalidTemplate(error.detail if part is None else f"{part}: {error.detail}", line=error.line)
    return compiled


def _compile(assembly: Assembly, parsed: Parsed, partials: Partials) -> tuple[Template, frozenset[str]]:
    unit = assembly.assemble(compile_source(parsed), partials)
    needed = needed_variables(unit, provided=sandbox(autoescape=False).globals, allowance=assembly.reading.allowance)
    return assembly.template(unit), needed


def _render(part: str, template: Template, variables: Mapping[str, Any]) -> str:  # Any: the client's JSON
    pieces: list[str] = []
    room = MAX_RENDERED_CHARACTERS
    try:
        for piece in template.generate(with_budget(variables)):
            room -= len(piece)
            if room < 0:
                raise RenderFailed(f"{part}: exceeds {MAX_RENDERED_CHARACTERS} characters")
            pieces.append(piece)
    except (UndefinedError, SecurityError) as error:
        raise RenderFailed(f"{part}: {error.message}", line=_line_of(error)) from None
    except _FAULTS as error:
        raise RenderFailed(f"{part}: {type(error).__name__} in an expression", line=_line_of(error)) from None
    rendered = "".join(pieces)
    return " ".join(rendered.split()) if part in ONE_LINE else rendered


def _line_of(error: Exception) -> int | None:
    """The line of the part's own source: where a partial took part, the one that names it.

    Jinja2 has put a frame in place of each of its own: it bears the line of the source, and says what it is of.
    """
    frames = [
        (frame.f_code.co_name == _ROOT_FRAME, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if _FRAME_MARK in frame.f_globals
    ]
    of_several_sources = sum(is_root for is_root, _ in frames) > 1
    return frames[0 if of_several_sources else -1][1] if frames else None


def _email(parts: Mapping[str, str]) -> RenderedEmail:
    html = parts.get("html", "")
    return RenderedEmail(
        subject=parts.get("subject", ""), html=html, text=parts["text"] if "text" in parts else html_to_text(html)
    )


def _push(parts: Mapping[str, str]) -> RenderedPush:
    return RenderedPush(
        title=parts.get("title", ""),
        body=parts.get("body", ""),
        image=parts.get("image", "").strip() or None,
        link=parts.get("link", "").strip() or None,
        data={name.removeprefix("data."): value for name, value in parts.items() if name.startswith("data.")},
    )
