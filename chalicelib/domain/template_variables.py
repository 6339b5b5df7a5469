"""Which names a template cannot do without, read from its syntax tree and those of its partials."""

from collections.abc import Iterable, Iterator

from jinja2 import nodes

from chalicelib.domain.template_allowance import Allowance
from chalicelib.domain.template_scoping import is_mention
from chalicelib.domain.template_unit import Unit
from chalicelib.errors import InvalidTemplate

_OF_MACROS = frozenset({"caller", "varargs", "kwargs"})
_NOT_HANDED_ON = _OF_MACROS | {"loop", "super"}
"""Names that Jinja2 makes for one place, and that what is included there does not see."""


def needed_variables(unit: Unit, *, provided: Iterable[str], allowance: Allowance) -> frozenset[str]:
    """The top-level names that rendering may ask for and that neither the template nor `provided` defines.

    A name is not needed where it only stands before `default`, is asked whether it is `defined`, or is used under such
    a question. A name that only some branches use is needed: which branch is taken is not known beforehand.

    Raises:
        InvalidTemplate: a block asks for its parent and has none, or there is more to read than the allowance has.
    """
    needed: set[str] = set()
    _Reader(unit, needed, allowance).read_whole(frozenset(provided) | {"self"})
    return frozenset(needed)


class _Reader:
    """Walks statements in order with the names known so far; `read` returns those known afterwards.

    What a unit extends runs after it, with the names that it has set, and shows the blocks of whoever comes first.
    """

    def __init__(self, unit: Unit, needed: set[str], allowance: Allowance) -> None:
        self.needed = needed
        self._allowance = allowance
        self._lineage = [*_lineage(unit)]
        self._unit = unit
        self._blocks: dict[str, list[tuple[nodes.Block, Unit]]] = {}
        for each in self._lineage:
            for block in each.tree.find_all(nodes.Block):
                self._blocks.setdefault(block.name, []).append((block, each))
        self._shown: list[str] = []
        self._is_outermost = True
        self._set_before = frozenset[str]()

    def read_whole(self, known: frozenset[str]) -> None:
        """Read the unit and what it extends as rendering it would."""
        if any(name.name == "self" for each in self._lineage for name in each.tree.find_all(nodes.Name)):
            self._set_before = known
            for name in self._blocks:  # `self.name()` may show it before anything is set
                self._show(name, known)
        for unit in self._lineage:
            self._unit = unit
            for statement in unit.tree.body:
                self._set_before = known
                known = self.read(statement, known)

    def read(self, node: nodes.Node, known: frozenset[str]) -> frozenset[str]:
        self._allowance.spend_reading()
        reading = getattr(self, f"_read_{type(node).__name__.lower()}", self._read_children)
        after: frozenset[str] = reading(node, known)
        return after

    def _read_inside(self, body: Iterable[nodes.Node], known: frozenset[str]) -> None:
        """Read what has a scope of its own: nothing that is set there is known afterwards."""
        outermost, self._is_outermost = self._is_outermost, False
        self._read_all(body, known)
        self._is_outermost = outermost

    def _read_extends(self, _node: nodes.Extends, known: frozenset[str]) -> frozenset[str]:
        return known

    def _read_include(self, node: nodes.Include, known: frozenset[str]) -> frozenset[str]:
        if isinstance(node.template, nodes.Const):
            included = self._unit.included[node.template.value]
            _Reader(included, self.needed, self._allowance).read_whole((known - _NOT_HANDED_ON) | {"self"})
        return known

    def _read_block(self, node: nodes.Block, known: frozenset[str]) -> frozenset[str]:
        extends = self._unit is not self._lineage[-1]
        if not (self._is_outermost and extends):
            self._show(node.name, known if node.scoped else self._set_before)
        return known

    def _show(self, name: str, known: frozenset[str]) -> None:
        """Read the block of this name that is shown, and those above it that it asks for."""
        if name in self._shown:
            return
        showing = self._unit
        self._shown.append(name)
        for block, unit in self._blocks[name]:
            self._unit = unit
            self._read_inside(block.body, known | {"super"})
            asking = [each for each in block.find_all(nodes.Name) if each.name == "super"]
            if not asking:
                break
            if block is self._blocks[name][-1][0]:
                raise InvalidTemplate(f"there is no parent of the block {name}", line=asking[0].lineno)
        self._shown.pop()
        self._unit = showing

    def _read_all(self, body: Iterable[nodes.Node], known: frozenset[str]) -> frozenset[str]:
        for node in body:
            known = self.read(node, known)
        return known

    def _read_children(self, node: nodes.Node, known: frozenset[str]) -> frozenset[str]:
        return self._read_all(node.iter_child_nodes(), known)

    def _read_name(self, node: nodes.Name, known: frozenset[str]) -> frozenset[str]:
        if node.name not in known:
            self.needed.add(node.name)
        return known

    def _read_exprstmt(self, node: nodes.ExprStmt, known: frozenset[str]) -> frozenset[str]:
        return known if is_mention(node) else self._read_children(node, known)

    def _read_nsref(self, node: nodes.NSRef, known: frozenset[str]) -> frozenset[str]:
        if node.name not in known:
            self.needed.add(node.name)
        return known

    def _read_filter(self, node: nodes.Filter, known: frozenset[str]) -> frozenset[str]:
        if node.name in {"default", "d"} and isinstance(node.node, nodes.Name):
            return self._read_all((*node.args, *node.kwargs), known)
        return self._read_children(node, known)

    def _read_test(self, node: nodes.Test, known: frozenset[str]) -> frozenset[str]:
        return known if _questioned(node) else self._read_children(node, known)

    def _read_if(self, node: nodes.If, known: frozenset[str]) -> frozenset[str]:
        self.read(node.test, known)
        denied = known | _defined_by(node.test, outcome=False)
        taken = self._read_all(node.body, known | _defined_by(node.test, outcome=True))
        if node.elif_:
            first, *rest = node.elif_
            otherwise = self.read(nodes.If(first.test, first.body, rest, node.else_), denied)
        else:
            otherwise = self._read_all(node.else_, denied)
        return known | (taken & otherwise)

    def _read_condexpr(self, node: nodes.CondExpr, known: frozenset[str]) -> frozenset[str]:
        self.read(node.test, known)
        self.read(node.expr1, known | _defined_by(node.test, outcome=True))
        if node.expr2 is not None:
            self.read(node.expr2, known | _defined_by(node.test, outcome=False))
        return known

    def _read_and(self, node: nodes.And, known: frozenset[str]) -> frozenset[str]:
        self.read(node.left, known)
        self.read(node.right, known | _defined_by(node.left, outcome=True))
        return known

    def _read_or(self, node: nodes.Or, known: frozenset[str]) -> frozenset[str]:
        self.read(node.left, known)
        self.read(node.right, known | _defined_by(node.left, outcome=False))
        return known

    def _read_for(self, node: nodes.For, known: frozenset[str]) -> frozenset[str]:
        self.read(node.iter, known)
        inside = known | _names(node.target) | {"loop"}
        if node.test is not None:
            self.read(node.test, inside)
        self._read_inside(node.body, inside)
        self._read_inside(node.else_, known)
        return known

    def _read_assign(self, node: nodes.Assign, known: frozenset[str]) -> frozenset[str]:
        self.read(node.node, known)
        if isinstance(node.target, nodes.NSRef):
            return self.read(node.target, known)
        return known | _names(node.target)

    def _read_assignblock(self, node: nodes.AssignBlock, known: frozenset[str]) -> frozenset[str]:
        self._read_inside(node.body, known)
        if node.filter is not None:
            self.read(node.filter, known)
        return known | _names(node.target)

    def _read_filterblock(self, node: nodes.FilterBlock, known: frozenset[str]) -> frozenset[str]:
        self._read_inside([*node.body, node.filter], known)
        return known

    def _read_with(self, node: nodes.With, known: frozenset[str]) -> frozenset[str]:
        self._read_all(node.values, known)
        self._read_inside(node.body, known.union(*(_names(target) for target in node.targets)))
        return known

    def _read_macro(self, node: nodes.Macro, known: frozenset[str]) -> frozenset[str]:
        self._read_all(node.defaults, known)
        self._read_inside(
            node.body, known.union({node.name}, _OF_MACROS, *(_names(argument) for argument in node.args))
        )
        return known | {node.name}


def _lineage(unit: Unit) -> Iterator[Unit]:
    """The unit, what it extends, what that extends, and so on."""
    yield unit
    for node in unit.tree.body:
        if isinstance(node, nodes.Extends) and isinstance(node.template, nodes.Const):
            yield from _lineage(unit.included[node.template.value])


def _names(target: nodes.Node) -> frozenset[str]:
    if isinstance(target, nodes.Name):
        return frozenset({target.name})
    return frozenset(name.name for name in target.find_all(nodes.Name))


def _questioned(test: nodes.Node) -> str | None:
    """The name that `name is defined` or `name is undefined` asks about."""
    if not isinstance(test, nodes.Test) or test.name not in {"defined", "undefined"}:
        return None
    return test.node.name if isinstance(test.node, nodes.Name) else None


def _defined_by(test: nodes.Node, *, outcome: bool) -> frozenset[str]:
    """The names that are surely defined when the test came out so."""
    if isinstance(test, nodes.Not):
        return _defined_by(test.node, outcome=not outcome)
    if isinstance(test, nodes.And | nodes.Or):
        if isinstance(test, nodes.And) is not outcome:
            return frozenset()
        return _defined_by(test.left, outcome=outcome) | _defined_by(test.right, outcome=outcome)
    name = _questioned(test)
    told = isinstance(test, nodes.Test) and (test.name == "defined") is outcome
    return frozenset({name} if name and told else ())
