"""Free ports on loopback."""

import random
import socket
import threading

from offline.services.errors import ServerFailed

LOOPBACK = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections: none of those can steal a port found here.
_CHOICES = range(15000, 32000)
_ATTEMPTS = 200

_choosing = threading.Lock()
_given_out: set[int] = set()


def is_free(port: int) -> bool:
    """Say whether a server could listen on this port of loopback right now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except OSError:
            return False
    return True


def answers(port: int, timeout_s: float = 1.0) -> bool:
    """Say whether something accepts connections on this port of loopback."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=timeout_s).close()
    except OSError:
        return False
    return True


def choose(preferred: int | None) -> int:
    """Return the preferred port when it is free, else a free one that no earlier call of this process has returned.

    Servers choose before they listen, several at once: only what was given out tells that a free port is spoken for.

    Raises:
        ServerFailed: no port is free.
    """
    with _choosing:
        if preferred is not None and is_free(preferred):
            _given_out.add(preferred)
            return preferred
        for candidate in random.SystemRandom().sample(_CHOICES, _ATTEMPTS):
            if candidate not in _given_out and is_free(candidate):
                _given_out.add(candidate)
                return candidate
    raise ServerFailed(f"no free port between {_CHOICES.start} and {_CHOICES.stop} on {LOOPBACK}")
