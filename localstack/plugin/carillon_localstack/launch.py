"""Becomes the Lambda runtime, in a process that cannot outlive the one that started it.

Run by the function's interpreter as `python launch.py PARENT_PID HANDLER`. Whoever is told by the kernel about its
parent's death keeps that through `exec`.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns."""
    parent_pid, handler = int(arguments[0]), arguments[1]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        sys.exit(1)
    os.execv(sys.executable, [sys.executable, "-m", "awslambdaric", handler])  # noqa: S606 - its own interpreter


if __name__ == "__main__":
    main(sys.argv[1:])
