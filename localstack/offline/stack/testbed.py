"""A stack of its own for one test session: private folder, free ports, nothing of the caller's settings."""

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from offline.services import kernel
from offline.services.files import write_private
from offline.stack.functions import FUNCTION_TIMEOUT_S
from offline.stack.layout import DEFAULT_ROOT, Layout
from offline.stack.stack import Stack
from offline.stack.world import Say, World

_OWNER = "owner"
_SYSTEM = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


@contextlib.contextmanager
def private_stack(
    *,
    settings: Mapping[str, str] | None = None,
    say: Say | None = None,
    parent: Path = DEFAULT_ROOT,
    function_timeout_s: int = FUNCTION_TIMEOUT_S,
) -> Iterator[Stack]:
    """Give a stack that is down, and take it down at the end, whatever state it is in by then.

    A short timeout of the queue functions makes leases short enough to be waited for.
    """
    with private_root(parent) as root:
        stack = Stack(
            layout=Layout(root=root),
            environment={**system_environment(), **(settings or {})},
            say=say or (lambda *_: None),
            prefer_default_ports=False,
            function_timeout_s=function_timeout_s,
        )
        try:
            yield stack
        finally:
            stack.down()


@contextlib.contextmanager
def private_root(parent: Path = DEFAULT_ROOT) -> Iterator[Path]:
    """Give a folder for a stack of whatever kind, and remove it at the end with all that still runs and lies there.

    A session that was killed cannot clean up: the next one does it for those whose owner is gone.
    """
    _remove_abandoned(parent)
    root = _make_root(parent)
    try:
        yield root
    finally:
        _remove(root)


def system_environment() -> dict[str, str]:
    """Return what of the caller's environment programs need to run at all."""
    return {name: os.environ[name] for name in _SYSTEM if name in os.environ}


def _make_root(parent: Path) -> Path:
    """Make a folder that has its owner's name from the moment others can see it."""
    root = parent / f"test-{secrets.token_hex(4)}"
    draft = parent / f".{root.name}"
    draft.mkdir(parents=True, mode=0o711)
    owner = kernel.look(os.getpid())
    write_private(draft / _OWNER, f"{os.getpid()} {'' if owner is None else owner.started}")
    return draft.rename(root)


def _remove(root: Path) -> None:
    root.joinpath(_OWNER).unlink(missing_ok=True)
    if not any(root.iterdir()):
        root.rmdir()
        return
    World(
        layout=Layout(root=root),
        environment=system_environment(),
        say=lambda *_: None,
        prefer_default_ports=False,
        runners={},
    ).remove()


def _remove_abandoned(parent: Path) -> None:
    for root in parent.glob("test-*/"):
        if not _is_owned(root):
            _remove(root)


def _is_owned(root: Path) -> bool:
    try:
        pid, _, started = root.joinpath(_OWNER).read_text().partition(" ")
    except FileNotFoundError:
        return False
    owner = kernel.look(int(pid))
    return owner is not None and owner.started == started
