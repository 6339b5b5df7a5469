"""The commands behind make localstack (up), localstack-down, localstack-status and localstack-logs."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from infra.errors import StepFailed
from offline.cloud.emulation import RUNNERS
from offline.cloud.function_logs import FunctionLogs
from offline.cloud.stack import CloudStack
from offline.services.errors import ServiceError
from offline.stack.console import headline, say
from offline.stack.layout import CACHE, DEFAULT_ROOT, Layout
from offline.stack.logs import follow
from offline.stack.status import print_status
from offline.stack.summary import print_summary
from offline.stack.terminal import exit_status

_ROOT = DEFAULT_ROOT / "localstack"
_POLL_S = 1.0


def _up(stack: CloudStack) -> int:
    headline("Starting LocalStack, and deploying to it:")
    print_summary(stack.up(), stack.layout, logs="make localstack-logs")
    return 0


def _down(stack: CloudStack) -> int:
    if stack.layout.root.exists():
        stack.down()
    print("LocalStack is down: no process, no data, no secret is left.")
    return 0


def _status(stack: CloudStack) -> int:
    return print_status(stack.layout, RUNNERS, up="make localstack")


def _logs(stack: CloudStack) -> int:
    if not stack.layout.stack_env.exists():
        return _status(stack)
    follow(FunctionLogs(stack.target).read, until=lambda: not stack.layout.stack_env.exists(), width=18, poll_s=_POLL_S)
    return 0


_COMMANDS: Mapping[str, Callable[[CloudStack], int]] = {"up": _up, "down": _down, "status": _status, "logs": _logs}


def main() -> int:
    """Run one command; the exit status is 0 only when it did what it says."""
    parser = argparse.ArgumentParser(prog="python -m offline.cloud", description=__doc__)
    parser.add_argument("command", choices=_COMMANDS)
    parser.add_argument("--root", type=Path, default=_ROOT, help="the stack's folder (default: .local/localstack)")
    parser.add_argument("--free-ports", action="store_true", help="take free ports instead of the usual ones")
    arguments = parser.parse_args()
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    stack = CloudStack(
        layout=_layout(arguments.root.resolve()),
        environment=os.environ,
        say=say,
        prefer_default_ports=not arguments.free_ports,
    )
    return exit_status(
        lambda: _COMMANDS[arguments.command](stack), (ServiceError, StepFailed, BotoCoreError, ClientError)
    )


def _layout(root: Path) -> Layout:
    """Tell people beside stack.env; whoever chooses another folder finds all in it."""
    return Layout(root=root, cache=CACHE, told=DEFAULT_ROOT / "localstack.env" if root == _ROOT else None)


if __name__ == "__main__":
    sys.exit(main())
