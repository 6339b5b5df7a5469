"""One source, read: parsed, checked against what templates may do, metered, and compiled to byte code."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

from jinja2 import TemplateSyntaxError, nodes

from chalicelib.domain.template_budget import BUDGET
from chalicelib.domain.template_metering import Metering, count_nodes
from chalicelib.domain.template_sandbox import Sandbox, is_unsafe_name
from chalicelib.domain.template_scoping import mention_names_set_later
from chalicelib.errors import InvalidTemplate

MAX_NODES = 10_000
MOST_KEPT_SOURCES = 16

ONE_LINE = frozenset({"subject", "title"})
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.Import: "import is not available: use include or extends",
    nodes.FromImport: "import is not available: use include or extends",
    nodes.CallBlock: "call blocks are not available",
    nodes.ScopedEvalContextModifier: "autoescape is decided by the part: html is escaped, the others are not",
}
_UNCOMPILABLE = (RecursionError, MemoryError, SyntaxError, ValueError, OverflowError)
_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class Source:
    """A source that compiles. `tree` is metered and must not be changed; `named` are the codes that it includes or
    extends, each with the line where it first does."""

    tree: nodes.Template
    code: CodeType
    named: dict[str, int]
    size: int


@functools.cache
def sandbox(*, autoescape: bool) -> Sandbox:
    return Sandbox(autoescape=autoescape)


def is_escaped(part: str) -> bool:
    return part == "html"


def read_source(part: str, text: str) -> Source:
    """Read the source of a part.

    Raises:
        InvalidTemplate: it does not compile, or does what templates may not.
    """
    if part in ONE_LINE and len(text.strip().splitlines()) > 1:
        raise InvalidTemplate("must be one line", line=2)
    environment = sandbox(autoescape=is_escaped(part))
    try:
        tree = environment.parse(text)
        named = _checked(tree)
        size = count_nodes(tree)
        if size > MAX_NODES:
            raise InvalidTemplate(f"has more than {MAX_NODES} expressions and statements")
        mention_names_set_later(tree)
        metered = Metering().visit(tree)
        metered.set_environment(environment)
        return Source(metered, environment.compile(metered), named, size)
    except TemplateSyntaxError as error:
        raise InvalidTemplate(error.message or "is no template", line=error.lineno) from None
    except _UNCOMPILABLE as error:
        raise InvalidTemplate(f"too deeply nested, or no template ({type(error).__name__})") from None


@functools.lru_cache(maxsize=MOST_KEPT_SOURCES)
def read_partial_source(part: str, text: str) -> Source:
    """The same, kept: one layout serves every locale of a template."""
    return read_source(part, text)


def named_in(text: str) -> frozenset[str]:
    """The codes that a source includes or extends; none when it does not parse."""
    try:
        return frozenset(_checked(sandbox(autoescape=False).parse(text)))
    except (TemplateSyntaxError, InvalidTemplate, *_UNCOMPILABLE):
        return frozenset()


def _checked(tree: nodes.Template) -> dict[str, int]:
    named: dict[str, int] = {}
    for node in tree.find_all(nodes.Node):
        if type(node) in _REFUSED:
            raise InvalidTemplate(_REFUSED[type(node)], line=node.lineno)
        if isinstance(node, nodes.Name | nodes.NSRef) and node.name == BUDGET:
            raise InvalidTemplate(f"the name {BUDGET} is reserved", line=node.lineno)
        if isinstance(node, nodes.Filter | nodes.Test) and node.name.startswith("_"):
            raise InvalidTemplate(f"there is no {node.name}", line=node.lineno)
        if isinstance(node, nodes.Block) and node.required:
            raise InvalidTemplate("a block cannot be required: give it something to say", line=node.lineno)
        for name in _attributes(node):
            if is_unsafe_name(name):
                raise InvalidTemplate(f"the attribute {name} is not safe", line=node.lineno)
        if isinstance(node, nodes.Include | nodes.Extends):
            named.setdefault(_named_by(node, tree), node.lineno)
    return named


def _named_by(node: nodes.Include | nodes.Extends, tree: nodes.Template) -> str:
    """The code that an include or extends names."""
    verb = type(node).__name__.lower()
    if not isinstance(node.template, nodes.Const) or not isinstance(node.template.value, str):
        raise InvalidTemplate(f'{verb} takes the code of a partial, as in {{% {verb} "footer" %}}', line=node.lineno)
    code = node.template.value
    if not _CODE.fullmatch(code):
        raise InvalidTemplate(f"{verb} takes the code of a partial, and this is none", line=node.lineno)
    if isinstance(node, nodes.Include) and (node.ignore_missing or not node.with_context):
        raise InvalidTemplate("include takes neither `ignore missing` nor `without context`", line=node.lineno)
    if isinstance(node, nodes.Extends) and (node not in tree.body or len([*tree.find_all(nodes.Extends)]) > 1):
        raise InvalidTemplate("extends stands once, outside of everything else", line=node.lineno)
    return code


def _attributes(node: nodes.Node) -> Iterator[str]:
    """The attribute that a node reaches for, where the source says it."""
    if isinstance(node, nodes.Getattr):
        yield node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        item = node.arg.value
        yield from [item] if isinstance(item, str) and item.startswith("__") else []
