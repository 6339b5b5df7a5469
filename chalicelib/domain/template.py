"""Compiles template sources, says which variables they need, and renders them.

A compiled template is immutable and may be shared by threads; whoever uses it keeps it, for compiling takes some thirty
times as long as rendering.
"""

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
from chalicelib.domain.template_source import ONE_LINE, named_in, read_source, sandbox
from chalicelib.domain.template_unit import Assembly
from chalicelib.domain.template_variables import needed_variables
from chalicelib.errors import InvalidTemplate, RenderFailed

MAX_SOURCE_BYTES = 256 * 1024
MAX_RENDERED_CHARACTERS = 512 * 1024

_FAULTS = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RuntimeError)
"""Whatever an expression can raise on values it was not written for."""


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


def compile_content(
    content: Content, partials: Partials = NO_PARTIALS, *, owner: str | None = None
) -> CompiledTemplate:
    """Check and compile the sources of one content with the partials that they name.

    `owner` is the code of the template that the content belongs to: no partial may lead back to it.

    Raises:
        InvalidTemplate: a source does not compile or is not safe, they are too large together, or a partial that one
            names cannot be used there.
    """
    sources = sources_of(content)
    if sum(len(source.encode(errors="replace")) for source in sources.values()) > MAX_SOURCE_BYTES:
        raise InvalidTemplate(f"the sources exceed {MAX_SOURCE_BYTES} bytes")
    compiled = {}
    for part, text in sources.items():
        try:
            compiled[part] = _compile(Assembly(part, content.channel, content.locale, owner), text, partials)
        except InvalidTemplate as error:
            raise InvalidTemplate(f"{part}: {error.detail}", line=error.line) from None
    needed = frozenset[str]().union(*(names for _, names in compiled.values()))
    return CompiledTemplate(content, needed, {part: template for part, (template, _) in compiled.items()})


def find_flaws(
    content: Content, partials: Partials = NO_PARTIALS, *, owner: str | None = None
) -> list[tuple[str | None, InvalidTemplate]]:
    """What keeps a content from compiling, part by part; without a part what is wrong with all of them together."""
    flaws: list[tuple[str | None, InvalidTemplate]] = []
    size_bytes = 0
    for part, text in sources_of(content).items():
        size_bytes += len(text.encode(errors="replace"))
        try:
            if len(text.encode(errors="replace")) > MAX_SOURCE_BYTES:
                raise InvalidTemplate(f"exceeds {MAX_SOURCE_BYTES} bytes")  # noqa: TRY301  one of several flaws
            _compile(Assembly(part, content.channel, content.locale, owner), text, partials)
        except InvalidTemplate as error:
            flaws.append((part, error))
    if size_bytes > MAX_SOURCE_BYTES and not flaws:
        flaws.append((None, InvalidTemplate(f"the sources exceed {MAX_SOURCE_BYTES} bytes")))
    return flaws


def named_partials(content: Content) -> frozenset[str]:
    """The codes of the partials that a content's sources name."""
    return frozenset[str]().union(*(named_in(source) for source in sources_of(content).values()))


def _compile(assembly: Assembly, text: str, partials: Partials) -> tuple[Template, frozenset[str]]:
    unit = assembly.assemble(read_source(assembly.part, text), partials)
    needed = needed_variables(unit, provided=sandbox(autoescape=False).globals)
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
        raise RenderFailed(f"{part}: {error.message}") from None
    except _FAULTS as error:
        raise RenderFailed(f"{part}: {type(error).__name__} in an expression") from None
    rendered = "".join(pieces)
    return " ".join(rendered.split()) if part in ONE_LINE else rendered


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
