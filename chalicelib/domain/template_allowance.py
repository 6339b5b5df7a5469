"""What compiling one version may take, over all its contents and parts and the partials that they include."""

from chalicelib.errors import InvalidTemplate

MAX_PART_TOKENS = 40_000
MAX_TOKENS = 200_000
MAX_NODES = 30_000
PER_PART = 20
"""Nodes that a part costs beside its own."""

MAX_PARTIAL_NODES = 30_000
MAX_READ = 100_000
"""Syntax nodes looked at to tell the variables, at every place where a partial stands anew."""


class Allowance:
    """What is left of it. Raises InvalidTemplate when it is used up: then nothing more is to be looked at."""

    __slots__ = ("_nodes", "_partial_nodes", "_read", "_tokens")

    def __init__(self) -> None:
        self._tokens = MAX_TOKENS
        self._nodes = MAX_NODES
        self._partial_nodes = MAX_PARTIAL_NODES
        self._read = MAX_READ

    @property
    def tokens(self) -> int:
        """How many tokens the next part may have."""
        return max(0, min(MAX_PART_TOKENS, self._tokens))

    @property
    def is_used_up(self) -> bool:
        return min(self._tokens, self._nodes, self._partial_nodes, self._read) < 0

    def spend_tokens(self, count: int) -> None:
        self._tokens -= count
        if count > MAX_PART_TOKENS:
            raise InvalidTemplate(f"has more than {MAX_PART_TOKENS} words and signs in its expressions and statements")
        if self._tokens < 0:
            raise InvalidTemplate(f"the version has more than {MAX_TOKENS} words and signs up to here")

    def spend_nodes(self, count: int) -> None:
        self._nodes -= PER_PART + count
        if self._nodes < 0:
            raise InvalidTemplate(f"the version has more than {MAX_NODES} expressions and statements up to here")

    def spend_partial(self, count: int) -> None:
        self._partial_nodes -= count
        if self._partial_nodes < 0:
            raise InvalidTemplate(f"the partials have more than {MAX_PARTIAL_NODES} expressions and statements in all")

    def spend_reading(self) -> None:
        self._read -= 1
        if self._read < 0:
            raise InvalidTemplate(f"the version has more than {MAX_READ} expressions with its partials up to here")
