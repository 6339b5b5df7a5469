"""Makes a name that a scope sets later mean, until then, what it means outside.

Jinja2 decides for a whole scope at once where a name lives. In `{% if x %}{% with … %}{{ a }}{% endwith %}{% endif %}
{% set a = 1 %}` it takes the inner `a` for the one that is set below, hence for undefined, though the variable was
given. A mention of the name at the head of the scope makes it look the variable up first.
"""

from collections.abc import Iterable, Iterator

from jinja2 import nodes


def mention_names_set_later(tree: nodes.Template) -> None:
    """Change the tree in place: each scope begins by mentioning the names that it sets."""
    for body in [tree.body, *_scopes(tree)]:
        body[:0] = [nodes.ExprStmt(nodes.Name(name, "load")) for name in sorted(set(_set_in(body)))]


def is_mention(statement: nodes.ExprStmt) -> bool:
    """Whether a statement only mentions a name: it needs nothing."""
    return isinstance(statement.node, nodes.Name)


def _scopes(tree: nodes.Template) -> Iterator[list[nodes.Node]]:
    """The statements of everything in the tree that has a scope of its own."""
    for node in tree.find_all(nodes.Stmt):
        match node:
            case nodes.For():
                yield node.body
                yield node.else_
            case nodes.Block() | nodes.Macro() | nodes.With() | nodes.FilterBlock() | nodes.AssignBlock():
                yield node.body


def _set_in(body: Iterable[nodes.Node]) -> Iterator[str]:
    """The names that statements set in the scope that they stand in."""
    for node in body:
        match node:
            case nodes.Assign() | nodes.AssignBlock():
                yield from (name.name for name in _names(node.target))
            case nodes.Macro():
                yield node.name
            case nodes.If():
                yield from _set_in([*node.body, *node.elif_, *node.else_])


def _names(target: nodes.Node) -> Iterator[nodes.Name]:
    if isinstance(target, nodes.Name):
        yield target
    else:
        yield from target.find_all(nodes.Name)
