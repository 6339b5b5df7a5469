"""Makes a syntax tree draw on the budget: rounds, calls, concatenations, comparisons, and what a slice copies.

A round costs the nodes of the body that it passes through and the text in it, so that a long body is not cheaper than a
short one. The filters that this puts into a tree have names that no template can write.
"""

from collections.abc import Mapping
from typing import Any, cast

from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.utils import pass_context
from jinja2.visitor import NodeTransformer

from chalicelib.domain.template_budget import BUDGET, PER_ITEM, Budget
from chalicelib.domain.template_filters import Function

_ROUND, _MADE, _WALKED, _SEARCHED = "_round", "_made", "_walked", "_searched"
_ENTERING = {nodes.Template: 60, nodes.Block: 60, nodes.Macro: 15, nodes.For: 3}
"""What getting in and out costs beside the body, in nodes: measured."""

_TAKING_ALL = frozenset({"cycler", "dict", "loop", "namespace"})
"""What may be called with a list or a mapping, and looks at each item of it."""


class Metering(NodeTransformer):
    """Changes a tree in place. The names that it needs stay as they were."""

    def visit_Template(self, node: nodes.Template) -> nodes.Template:  # noqa: N802 -- Jinja2's own naming
        self.generic_visit(node)
        node.body.insert(0, _round_of(node))
        return node

    def _visit_repeated(self, node: nodes.For | nodes.Macro | nodes.Block) -> nodes.Node:
        self.generic_visit(node)
        node.body.insert(0, _round_of(node))
        if isinstance(node, nodes.For) and node.test is not None:
            node.iter = _through(_WALKED, cast(nodes.Expr, node.iter))
        return node

    visit_For = visit_Macro = visit_Block = _visit_repeated  # noqa: N815

    def visit_AssignBlock(self, node: nodes.AssignBlock) -> nodes.AssignBlock:  # noqa: N802
        self.generic_visit(node)
        node.filter = nodes.Filter(node.filter, _MADE, [], [], None, None, lineno=node.lineno)
        return node

    def _charge_value(self, node: nodes.Expr) -> nodes.Filter:
        self.generic_visit(node)
        return _through(_MADE, node)

    visit_Concat = visit_List = visit_Dict = _charge_value  # noqa: N815

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802
        return self._charge_value(node) if node.ctx == "load" else node

    def visit_Call(self, node: nodes.Call) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.node, nodes.Getattr | nodes.Getitem):
            node.node.node = _through(_SEARCHED, node.node.node)
        if isinstance(node.node, nodes.Name) and node.node.name in _TAKING_ALL:
            node.args = [_through(_MADE, argument) for argument in node.args]
        if node.dyn_args is not None:
            node.dyn_args = _through(_MADE, node.dyn_args)
        if node.dyn_kwargs is not None:
            node.dyn_kwargs = _through(_MADE, node.dyn_kwargs)
        return _through(_MADE, node)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _through(_MADE, node) if isinstance(node.arg, nodes.Slice) else node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:  # noqa: N802
        self.generic_visit(node)
        for operand in node.ops:
            if operand.op in {"in", "notin"}:
                operand.expr = _through(_SEARCHED, operand.expr)
            elif not isinstance(operand.expr, nodes.Const):
                operand.expr = _through(_MADE, operand.expr)
        return node


def metering_filters() -> dict[str, Function]:
    """What the tree is made to call."""
    return {_ROUND: _spend_round, _MADE: _charge, _WALKED: _charge_walk, _SEARCHED: _charge_search}


def count_nodes(node: nodes.Node) -> int:
    """The nodes below this one."""
    return sum(1 for _ in node.find_all(nodes.Node))


def _through(name: str, value: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(value, name, [], [], None, None, lineno=value.lineno)


def _round_of(node: nodes.Node) -> nodes.ExprStmt:
    """A statement that pays for one passage through the body of the node."""
    steps = _ENTERING.get(type(node), 0) + count_nodes(node)
    text = sum(len(text.data) for text in node.find_all(nodes.TemplateData))
    cost = nodes.Const((steps, text), lineno=node.lineno)
    return nodes.ExprStmt(_through(_ROUND, cost), lineno=node.lineno)


@pass_context
def _spend_round(context: Context, cost: tuple[int, int]) -> None:
    budget: Budget = context[BUDGET]
    budget.spend_steps(cost[0])
    budget.spend_work(cost[1])


@pass_context
def _charge(context: Context, value: Any) -> Any:  # Any: whatever an expression makes
    context[BUDGET].charge(value)
    return value


@pass_context
def _charge_walk(context: Context, value: Any) -> Any:  # Any: whatever is looped over
    context[BUDGET].charge_length(value)
    return value


@pass_context
def _charge_search(context: Context, value: Any) -> Any:  # Any: whatever is searched
    """Looking into a mapping takes no longer when it is larger."""
    if isinstance(value, Mapping):
        context[BUDGET].spend_work(PER_ITEM)
    else:
        context[BUDGET].charge(value)
    return value
