"""Which names a template cannot do without, read from its syntax tree."""

from collections.abc import Iterable

from jinja2 import nodes

_OF_MACROS = frozenset({"caller", "varargs", "kwargs"})


def needed_variables(tree: nodes.Template, *, provided: Iterable[str]) -> frozenset[str]:
    """The top-level names that rendering may ask for and that neither the template nor `provided` defines.

    A name is not needed where it only stands before `default`, is asked whether it is `defined`, or is used under such
    a question. A name that only some branches use is needed: which branch is taken is not known beforehand.
    """
    reader = _Reader()
    reader.read(tree, frozenset(provided) | {"self"})
    return frozenset(reader.needed)


class _Reader:
    """Walks statements in order with the names known so far; `read` returns those known afterwards."""

    def __init__(self) -> None:
        self.needed: set[str] = set()

    def read(self, node: nodes.Node, known: frozenset[str]) -> frozenset[str]:
        reading = getattr(self, f"_read_{type(node).__name__.lower()}", self._read_children)
        after: frozenset[str] = reading(node, known)
        return after

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
        self._read_all(node.body, inside)
        self._read_all(node.else_, known)
        return known

    def _read_assign(self, node: nodes.Assign, known: frozenset[str]) -> frozenset[str]:
        self.read(node.node, known)
        if isinstance(node.target, nodes.NSRef):
            return self.read(node.target, known)
        return known | _names(node.target)

    def _read_assignblock(self, node: nodes.AssignBlock, known: frozenset[str]) -> frozenset[str]:
        self._read_all(node.body, known)
        if node.filter is not None:
            self.read(node.filter, known)
        return known | _names(node.target)

    def _read_with(self, node: nodes.With, known: frozenset[str]) -> frozenset[str]:
        self._read_all(node.values, known)
        self._read_all(node.body, known.union(*(_names(target) for target in node.targets)))
        return known

    def _read_macro(self, node: nodes.Macro, known: frozenset[str]) -> frozenset[str]:
        self._read_all(node.defaults, known)
        self._read_all(node.body, known.union({node.name}, _OF_MACROS, *(_names(argument) for argument in node.args)))
        return known | {node.name}

    def _read_block(self, node: nodes.Block, known: frozenset[str]) -> frozenset[str]:
        self._read_all(node.body, known)
        return known


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
