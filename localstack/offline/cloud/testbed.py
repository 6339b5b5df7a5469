"""A deployed system of its own for one test session: private folder, free ports, nothing of the caller's settings."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from offline.cloud.stack import CloudStack
from offline.stack.layout import DEFAULT_ROOT, Layout
from offline.stack.testbed import private_root, system_environment
from offline.stack.world import Say


@contextlib.contextmanager
def private_cloud(
    *, settings: Mapping[str, str] | None = None, say: Say | None = None, parent: Path = DEFAULT_ROOT
) -> Iterator[CloudStack]:
    """Give a stack that is down, and take it down at the end, whatever state it is in by then."""
    with private_root(parent) as root:
        stack = CloudStack(
            layout=Layout(root=root),
            environment={**system_environment(), **(settings or {})},
            say=say or (lambda *_: None),
            prefer_default_ports=False,
        )
        try:
            yield stack
        finally:
            stack.down()
