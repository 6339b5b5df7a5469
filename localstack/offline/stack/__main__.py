"""The commands behind make: up, down, run, demo, status, logs, admin."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from offline.services.errors import ServiceError
from offline.stack.admin import make_admin
from offline.stack.console import headline, say
from offline.stack.demo import DemoFailed, demonstrate
from offline.stack.layout import CACHE, DEFAULT_ROOT, Layout
from offline.stack.logs import LogFollower, follow
from offline.stack.run import run
from offline.stack.stack import Stack
from offline.stack.stack_env import read_stack_env
from offline.stack.status import print_status
from offline.stack.summary import print_summary
from offline.stack.terminal import exit_status

_FAILED = 1


def _up(stack: Stack) -> int:
    headline("Starting the stack:")
    print_summary(stack.up(), stack.layout)
    return 0


def _down(stack: Stack) -> int:
    if stack.layout.root.exists():
        stack.down()
    print("The stack is down: no process, no data, no secret is left.")
    return 0


def _run(stack: Stack) -> int:
    run(stack)
    return 0


def _demo(stack: Stack) -> int:
    demonstrate(read_stack_env(stack.layout.stack_env))
    print(f"  Logs                 {stack.layout.logs}")
    return 0


def _status(stack: Stack) -> int:
    return print_status(stack.layout)


def _logs(stack: Stack) -> int:
    follower = LogFollower(stack.layout.logs, wanted=lambda _: True, from_start=True)
    follow(follower.read, until=lambda: not stack.layout.logs.exists())
    return 0


def _admin(stack: Stack) -> int:
    email = os.environ.get("EMAIL", "")
    if not email:
        print("Whose? make admin EMAIL=ada@example.com", file=sys.stderr)
        return _FAILED
    make_admin(stack, email)
    return 0


_COMMANDS: Mapping[str, Callable[[Stack], int]] = {
    "up": _up,
    "down": _down,
    "run": _run,
    "demo": _demo,
    "status": _status,
    "logs": _logs,
    "admin": _admin,
}


def main() -> int:
    """Run one command; the exit status is 0 only when it did what it says."""
    parser = argparse.ArgumentParser(prog="python -m offline.stack", description=__doc__)
    parser.add_argument("command", choices=_COMMANDS)
    parser.add_argument("--root", type=Path, default=DEFAULT_ROOT, help="the stack's folder (default: .local)")
    parser.add_argument("--free-ports", action="store_true", help="take free ports instead of the usual ones")
    arguments = parser.parse_args()
    # pika reports each refused attempt while the broker starts; what counts is raised.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    layout = Layout(root=arguments.root.resolve(), cache=CACHE)
    stack = Stack(layout=layout, environment=os.environ, say=say, prefer_default_ports=not arguments.free_ports)
    return exit_status(
        lambda: _unless_down(_COMMANDS[arguments.command], stack), (ServiceError, DemoFailed, httpx.HTTPError)
    )


def _unless_down(command: Callable[[Stack], int], stack: Stack) -> int:
    try:
        return command(stack)
    except FileNotFoundError as missing:
        if missing.filename != str(stack.layout.stack_env):
            raise
        print("The stack is down. `make up` brings it up.", file=sys.stderr)
        return _FAILED


if __name__ == "__main__":
    sys.exit(main())
