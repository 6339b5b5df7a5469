"""Waits until a process of the stack answers."""

import http.client
import time
import urllib.request
from collections.abc import Callable

from offline.services.errors import ServerFailed

_POLL_S = 0.03
_ANSWER_TIMEOUT_S = 3.0


def answers(url: str, timeout_s: float = _ANSWER_TIMEOUT_S) -> bool:
    """Say whether an HTTP GET succeeds."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:  # noqa: S310 - our own, on loopback
            return bool(answer.status == http.client.OK)
    except (OSError, http.client.HTTPException):
        return False


def wait_until_healthy(name: str, url: str, *, alive: Callable[[], bool], deadline_s: float) -> None:
    """Return when the process answers.

    Raises:
        ServerFailed: it ended, or the deadline passed.
    """
    ends_at = time.monotonic() + deadline_s
    while not answers(url):
        if not alive():
            raise ServerFailed(f"{name} ended before it answered")
        if time.monotonic() > ends_at:
            raise ServerFailed(f"{name} does not answer within {deadline_s:.0f} s")
        time.sleep(_POLL_S)
