"""One source, read: parsed, checked against what templates may do, metered, and compiled to byte code."""

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from types import CodeType

from jinja2 import TemplateSyntaxError, nodes

from chalicelib.domain.template_allowance import Allowance
from chalicelib.domain.template_budget import BUDGET
from chalicelib.domain.template_metering import Metering, count_nodes
from chalicelib.domain.template_sandbox import Sandbox, is_unsafe_name
from chalicelib.domain.template_scoping import mention_names_set_later
from chalicelib.errors import InvalidTemplate

MAX_NODES = 10_000
MAX_NESTING = 16
"""Of statements. Jinja2 looks through the inner ones once for each outer one."""

MAX_SYMBOLS = 100_000
"""Names times statements that branch or include: at each of those Jinja2 copies what it knows of every name."""

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


@dataclass(frozen=True, slots=True)
class Parsed:
    """A source that is none of what templates may not be; whether it compiles is not known yet."""

    part: str
    tree: nodes.Template = field(repr=False)
    named: dict[str, int]
    size: int


@functools.cache
def sandbox(*, autoescape: bool) -> Sandbox:
    return Sandbox(autoescape=autoescape)


def is_escaped(part: str) -> bool:
    return part == "html"


def parse_source(part: str, text: str, allowance: Allowance) -> Parsed:
    """Parse the source of a part.

    Raises:
        InvalidTemplate: it does not parse, does what templates may not, or is more than the allowance has.
    """
    if part in ONE_LINE and len(text.strip().splitlines()) > 1:
        raise InvalidTemplate("must be one line", line=2)
    environment = sandbox(autoescape=is_escaped(part))
    with _told():
        tokens = environment.lexer.tokeniter(text, None)
        allowance.spend_tokens(sum(1 for _ in islice(tokens, allowance.tokens + 1)))
        tree = environment.parse(text)
        named = _checked(tree)
        size = count_nodes(tree)
        allowance.spend_nodes(size)
        _require_small(tree, size)
        return Parsed(part, tree, named, size)


def compile_source(parsed: Parsed) -> Source:
    """Compile what was parsed, once: its tree is changed.

    Raises:
        InvalidTemplate: it does not compile.
    """
    environment = sandbox(autoescape=is_escaped(parsed.part))
    with _told():
        mention_names_set_later(parsed.tree)
        metered = Metering().visit(parsed.tree)
        metered.set_environment(environment)
        return Source(metered, environment.compile(metered), parsed.named, parsed.size)


@functools.lru_cache(maxsize=MOST_KEPT_SOURCES)
def read_partial_source(part: str, text: str) -> Source:
    """The source of a partial, kept: one layout serves every locale of a template, and had an allowance of its own."""
    return compile_source(parse_source(part, text, Allowance()))


class Reading:
    """The reading of one version: its allowance, and the source of each of its partials, compiled once."""

    def __init__(self) -> None:
        self.allowance = Allowance()
        self._partials: dict[tuple[str, str], Source] = {}

    def partial(self, part: str, text: str) -> Source:
        if (part, text) not in self._partials:
            source = read_partial_source(part, text)
            self.allowance.spend_partial(source.size)
            self._partials[part, text] = source
        return self._partials[part, text]


@contextmanager
def _told() -> Iterator[None]:
    """Turns whatever keeps a source from being parsed or compiled into InvalidTemplate."""
    try:
        yield
    except TemplateSyntaxError as error:
        raise InvalidTemplate(error.message or "is no template", line=error.lineno) from None
    except _UNCOMPILABLE as error:
        raise InvalidTemplate(f"too deeply nested, or no template ({type(error).__name__})") from None


def _require_small(tree: nodes.Template, size: int) -> None:
    if size > MAX_NODES:
        raise InvalidTemplate(f"has more than {MAX_NODES} expressions and statements")
    names = {node.name for node in tree.find_all(nodes.Name)}
    branching = sum(1 for _ in tree.find_all((nodes.If, nodes.Include, nodes.Block, nodes.For, nodes.With)))
    if len(names) * branching > MAX_SYMBOLS:
        raise InvalidTemplate(f"has {len(names)} names in {branching} branching statements, which is too many")
    _require_flat(tree, MAX_NESTING)


def _require_flat(node: nodes.Node, room: int) -> None:
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Stmt) and not isinstance(child, nodes.Output):
            if room == 0:
                raise InvalidTemplate(f"statements may be nested {MAX_NESTING} deep at most", line=child.lineno)
            _require_flat(child, room - 1)


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
