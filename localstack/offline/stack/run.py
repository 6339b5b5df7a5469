"""Everything at once: up, the demonstration, the logs until somebody ends it, and down."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from offline.stack.console import headline
from offline.stack.demo import demonstrate
from offline.stack.logs import SERVERS, LogFollower, follow
from offline.stack.stack import Stack
from offline.stack.summary import print_summary

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(BaseException):
    """Somebody wants the run to end: not an error, and nothing that handles errors may take it for one."""


def run(stack: Stack) -> None:
    """Return after SIGINT, SIGTERM or SIGHUP, at whatever step it came, with everything gone that was started."""
    try:
        with _signals_end_it():
            headline("Starting the stack. Ctrl-C ends it, and removes all it made.")
            addresses = stack.up()
            print_summary(addresses, stack.layout)
            headline("\nSending one notification by e-mail and push:")
            demonstrate(addresses)
            headline("\nFollowing the logs until Ctrl-C:")
            follower = LogFollower(stack.layout.logs, wanted=lambda name: name not in SERVERS, from_start=False)
            follow(follower.read, until=lambda: False)
    except Ended:
        headline("")
    finally:
        _ignore_signals()
        headline("Stopping, and removing all that was made …")
        stack.down()
        headline("Done: nothing is left running.")


@contextmanager
def _signals_end_it() -> Iterator[None]:
    def end(_number: int, _frame: FrameType | None) -> None:
        raise Ended

    for number in _ENDING:
        signal.signal(number, end)
    yield


def _ignore_signals() -> None:
    """A second Ctrl-C must not break off the cleaning up."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
