"""Where the tests of the whole system run: on the machinery of `make up`, and against what `make localstack` deployed.

A test that keeps to HTTP and the sinks runs in both worlds. One that asks for a fixture of the machinery, such as
`stack`, runs in the local one alone.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from offline.stack.layout import Layout

LOCAL, LOCALSTACK = "local", "localstack"
FIXTURES = {LOCAL: "stack", LOCALSTACK: "cloud"}
"""Which fixture brings each world up."""

MACHINERY = frozenset({"stack", "private_session_stack"})


class Deployment(Protocol):
    """A Carillon that is up. `addresses` holds what stack.env says."""

    layout: Layout

    @property
    def addresses(self) -> Mapping[str, str]: ...


def worlds_of(fixtures: Collection[str]) -> Sequence[str]:
    """The worlds in which a test runs that uses these fixtures."""
    return [LOCAL] if MACHINERY & set(fixtures) else [LOCAL, LOCALSTACK]
