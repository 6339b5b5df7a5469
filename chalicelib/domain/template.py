"""Compiles template sources, says which variables they need, and renders them.

A compiled template is immutable and may be shared by threads; whoever uses it keeps it, for compiling takes some thirty
times as long as rendering.
"""

import functools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError, UndefinedError

from chalicelib.domain.content import Content, EmailContent, Rendered, RenderedEmail, RenderedPush
from chalicelib.domain.html_text import html_to_text
from chalicelib.domain.template_sandbox import BUDGET, Metering, Sandbox, is_unsafe_name, with_budget
from chalicelib.domain.template_variables import needed_variables
from chalicelib.errors import InvalidTemplate, RenderFailed

MAX_SOURCE_BYTES = 256 * 1024
MAX_RENDERED_CHARACTERS = 512 * 1024

_ONE_LINE = frozenset({"subject", "title"})
_REFUSED = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.CallBlock)
_UNCOMPILABLE = (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError)
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


def compile_content(content: Content) -> CompiledTemplate:
    """Check and compile the sources of one content.

    Raises:
        InvalidTemplate: one does not compile, is not safe, or they are too large together.
    """
    sources = _sources(content)
    if sum(len(source.encode(errors="replace")) for source in sources.values()) > MAX_SOURCE_BYTES:
        raise InvalidTemplate(f"the sources exceed {MAX_SOURCE_BYTES} bytes")
    compiled = {name: _compile(name, source) for name, source in sources.items()}
    needed = frozenset[str]().union(*(names for _, names in compiled.values()))
    return CompiledTemplate(content, needed, {name: template for name, (template, _) in compiled.items()})


def choose_locale(wanted: str, available: Collection[str], default: str) -> str:
    """The locale of `available` (not empty) to use: the wanted one, what it is a kind of, then the default.

    fr-CA falls back to fr; case and `_` do not matter. Where even the default is not available, the first by name is
    used: a person is better served by another language than by nothing.
    """
    known = {_tag(locale): locale for locale in sorted(available, reverse=True)}
    for locale in (wanted, default):
        for candidate in _broader(locale):
            if candidate in known:
                return known[candidate]
    return min(available)


def _tag(locale: str) -> str:
    return locale.replace("_", "-").lower()


def _broader(locale: str) -> Iterator[str]:
    tag = _tag(locale)
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]


def _sources(content: Content) -> dict[str, str]:
    if isinstance(content, EmailContent):
        named = {"subject": content.subject, "html": content.html, "text": content.text}
    else:
        named = {"title": content.title, "body": content.body, "image": content.image, "link": content.link}
        named |= {f"data.{key}": value for key, value in content.data.items()}
    return {name: source for name, source in named.items() if source is not None}


@functools.cache
def _sandbox(*, autoescape: bool) -> Sandbox:
    return Sandbox(autoescape=autoescape)


def _compile(part: str, source: str) -> tuple[Template, frozenset[str]]:
    sandbox = _sandbox(autoescape=part == "html")
    if part in _ONE_LINE and len(source.strip().splitlines()) > 1:
        raise InvalidTemplate(f"{part}: must be one line", line=2)
    try:
        tree = sandbox.parse(source)
        _refuse_unsafe(part, tree)
        needed = needed_variables(tree, provided=sandbox.globals)
        metered = Metering().visit(tree)
        metered.set_environment(sandbox)
        code = sandbox.compile(metered)
    except TemplateSyntaxError as error:
        raise InvalidTemplate(f"{part}: {error.message}", line=error.lineno) from None
    except _UNCOMPILABLE as error:
        raise InvalidTemplate(f"{part}: too deeply nested, or no template ({type(error).__name__})") from None
    return Template.from_code(sandbox, code, dict(sandbox.globals)), needed


def _refuse_unsafe(part: str, tree: nodes.Template) -> None:
    for node in tree.find_all(nodes.Node):
        if isinstance(node, _REFUSED):
            raise InvalidTemplate(f"{part}: {type(node).__name__.lower()} is not available", line=node.lineno)
        if isinstance(node, nodes.Name | nodes.NSRef) and node.name == BUDGET:
            raise InvalidTemplate(f"{part}: the name {BUDGET} is reserved", line=node.lineno)
        name = _attribute(node)
        if name is not None and is_unsafe_name(name):
            raise InvalidTemplate(f"{part}: the attribute {name} is not safe", line=node.lineno)


def _attribute(node: nodes.Node) -> str | None:
    """The attribute that a node reaches for, where the source says it."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        return node.arg.value if node.arg.value.startswith("__") else None
    return None


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
    return " ".join(rendered.split()) if part in _ONE_LINE else rendered


def _email(parts: Mapping[str, str]) -> RenderedEmail:
    html = parts["html"]
    return RenderedEmail(
        subject=parts["subject"], html=html, text=parts["text"] if "text" in parts else html_to_text(html)
    )


def _push(parts: Mapping[str, str]) -> RenderedPush:
    return RenderedPush(
        title=parts["title"],
        body=parts["body"],
        image=parts.get("image", "").strip() or None,
        link=parts.get("link", "").strip() or None,
        data={name.removeprefix("data."): value for name, value in parts.items() if name.startswith("data.")},
    )
