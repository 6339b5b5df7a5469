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
from offline.stack.stack import Say, Stack

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
    A session that was killed cannot clean up: the next one does it for those whose owner is gone.
    """
    _remove_abandoned(parent)
    stack = _stack(_make_root(parent), settings or {}, say, function_timeout_s)
    try:
        yield stack
    finally:
        _remove(stack)


def _make_root(parent: Path) -> Path:
    """Make a folder that has its owner's name from the moment others can see it."""
    root = parent / f"test-{secrets.token_hex(4)}"
    draft = parent / f".{root.name}"
    draft.mkdir(parents=True, mode=0o711)
    owner = kernel.look(os.getpid())
    write_private(draft / _OWNER, f"{os.getpid()} {'' if owner is None else owner.started}")
    return draft.rename(root)


def _stack(
    root: Path, settings: Mapping[str, str], say: Say | None, function_timeout_s: int = FUNCTION_TIMEOUT_S
) -> Stack:
    system = {name: os.environ[name] for name in _SYSTEM if name in os.environ}
    return Stack(
        layout=Layout(root=root),
        environment={**system, **settings},
        say=say or (lambda *_: None),
        prefer_default_ports=False,
        function_timeout_s=function_timeout_s,
    )


def _remove(stack: Stack) -> None:
    stack.layout.root.joinpath(_OWNER).unlink(missing_ok=True)
    stack.down()


def _remove_abandoned(parent: Path) -> None:
    for root in parent.glob("test-*/"):
        if not _is_owned(root):
            _remove(_stack(root, {}, None))


def _is_owned(root: Path) -> bool:
    try:
        pid, _, started = root.joinpath(_OWNER).read_text().partition(" ")
    except FileNotFoundError:
        return False
    owner = kernel.look(int(pid))
    return owner is not None and owner.started == started
