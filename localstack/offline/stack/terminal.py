"""How a command ends at a terminal: with what it did, or with the reason why not, and never with a stack trace."""

import os
import sys
from collections.abc import Callable

_FAILED = 1
_INTERRUPTED = 130


def exit_status(command: Callable[[], int], failures: tuple[type[Exception], ...]) -> int:
    """Return what the command returns; 1 after one of these failures, printed with its notes; 130 after Ctrl-C."""
    try:
        return command()
    except failures as failure:
        print("", failure, *getattr(failure, "__notes__", ()), sep="\n", file=sys.stderr)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read has gone; without this the interpreter complains about it once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _FAILED
